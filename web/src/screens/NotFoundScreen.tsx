import { Compass } from "lucide-react";
import { Link } from "wouter";
import { buttonClass } from "../parts/Button";
import { Empty } from "../parts/Empty";
import { useTitle } from "../parts/Screen";

export function NotFoundScreen({ title = "There is nothing at this address", says = "It may have been mistyped, or what stood here is gone." }: { title?: string; says?: string }) {
  useTitle(title);
  return (
    <div className="pt-[10vh]">
      <h1 className="sr-only">{title}</h1>
      <Empty icon={<Compass />} title={title}>
        <p className="mb-5">{says}</p>
        <Link href="/" className={buttonClass("primary")}>
          Go to your apps
        </Link>
      </Empty>
    </div>
  );
}
