import { useEffect, useRef } from "react";
import type { ReactNode } from "react";

/** A box over the page: the browser's own dialog, so focus, Escape and the inert page behind it are the browser's. */
export function ModalBox({ label, onClose, className, children }: { label: string; onClose: () => void; className: string; children: ReactNode }) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    box.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog
      ref={box}
      aria-label={label}
      onClose={onClose}
      onCancel={onClose}
      onClick={(event) => event.target === box.current && onClose()}
      className={`m-auto rounded-xl border border-line bg-raised p-0 text-ink shadow-high ${className}`}
    >
      {children}
    </dialog>
  );
}
