import { FileAudio, Upload, X } from "lucide-react";
import { useRef, useState } from "react";
import { IconButton } from "../parts/Button";
import { Recording } from "../run/FieldsView";
import { bytes } from "../text/numbers";
import { FieldFrame } from "./FieldFrame";
import type { FieldProps } from "./SchemaForm";
import { useField } from "./SchemaForm";

/** A file, sent inside the form as a data URL. Chosen by a button or dropped on it. */
export function FileField({ field, path, value }: FieldProps<"file">) {
  const { id, problem, disabled, change, aria } = useField(field, path);
  const input = useRef<HTMLInputElement>(null);
  const [name, setName] = useState("");
  const [over, setOver] = useState(false);
  const [unreadable, setUnreadable] = useState("");
  const words = field.accept.startsWith("audio") ? "Choose a recording, or drop it here" : "Choose a file, or drop it here";
  const take = (file: File | undefined) => {
    if (!file) return;
    setUnreadable("");
    const reader = new FileReader();
    reader.addEventListener("load", () => {
      setName(`${file.name} (${bytes(file.size)})`);
      change(String(reader.result));
    });
    reader.addEventListener("error", () => setUnreadable(`${file.name} can't be read on this computer. Choose it again.`));
    reader.readAsDataURL(file);
  };
  const given = typeof value === "string" && value !== "";
  return (
    <FieldFrame id={id} field={field} problem={problem || unreadable}>
      <input ref={input} id={id} type="file" tabIndex={-1} accept={field.accept || undefined} disabled={disabled} className="sr-only peer" onChange={(event) => take(event.target.files?.[0])} {...aria} />
      {given ? (
        <div className="flex items-center gap-3 rounded-md border border-line-strong bg-surface px-3 py-2">
          <FileAudio className="size-4 shrink-0 text-ink-3" aria-hidden />
          <div className="min-w-0 flex-1">
            {name && <p className="truncate text-sm">{name}</p>}
            {value.startsWith("data:") && <Recording url={value} />}
          </div>
          <IconButton
            label="Take the file out"
            icon={<X className="size-4" />}
            disabled={disabled}
            onClick={() => {
              if (input.current) input.current.value = "";
              setName("");
              change(undefined);
            }}
          />
        </div>
      ) : (
        <button
          type="button"
          disabled={disabled}
          onClick={() => input.current?.click()}
          onDragOver={(event) => {
            event.preventDefault();
            setOver(true);
          }}
          onDragLeave={() => setOver(false)}
          onDrop={(event) => {
            event.preventDefault();
            setOver(false);
            take(event.dataTransfer.files[0]);
          }}
          className={`flex items-center justify-center gap-2 rounded-md border border-dashed px-3 py-5 peer-focus-visible:outline-2 peer-focus-visible:outline-focus text-ink-2 transition-colors hover:bg-hover ${over ? "border-accent bg-accent-soft" : "border-line-strong"}`}
          aria-label={`${words} (${field.label})`}
        >
          <Upload className="size-4" aria-hidden /> {words}
        </button>
      )}
    </FieldFrame>
  );
}
