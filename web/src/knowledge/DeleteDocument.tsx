import { Trash2 } from "lucide-react";
import { useState } from "react";
import { asProblem } from "../api/client";
import { useDeleteDocument } from "../api/queries";
import { Button, IconButton } from "../parts/Button";

/** Takes a document out, after a second word; says so where that can't be done. */
export function DeleteDocument({ kb, id }: { kb: string; id: string }) {
  const [asking, setAsking] = useState(false);
  const remove = useDeleteDocument(kb);
  if (!asking) return <IconButton label={`Delete ${id}`} icon={<Trash2 className="size-4" />} onClick={() => setAsking(true)} />;
  return (
    <span className="inline-flex flex-wrap items-center justify-end gap-1.5">
      {remove.error && (
        <span role="alert" className="text-sm text-failed">
          {asProblem(remove.error).detail}
        </span>
      )}
      <Button small look="danger" autoFocus disabled={remove.isPending} onClick={() => remove.mutate(id)} aria-label={`Delete ${id} from the folder`}>
        Delete the file
      </Button>
      <Button
        small
        look="quiet"
        onClick={() => {
          remove.reset();
          setAsking(false);
        }}
      >
        Keep
      </Button>
    </span>
  );
}
