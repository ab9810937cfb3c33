import Link from "next/link";
import { formatCount, formatUsd } from "@/components/ui/format";
import type { CostLine } from "@/server/domain/costs";

export interface CostItem extends CostLine {
  key: string;
  label: string;
  /** Second, quieter part of the name. */
  detail?: string;
  href?: string;
}

/** Who or what cost how much, each with its share of the whole as a bar. */
export function CostList({ title, items }: { title: string; items: readonly CostItem[] }) {
  const most = Math.max(...items.map((item) => item.cost_usd), 0);
  return (
    <section className="mb-8 min-w-0">
      <h2 className="border-b hairline pb-2 font-semibold">{title}</h2>
      <ul>
        {items.map((item) => (
          <CostRow key={item.key} item={item} share={most > 0 ? item.cost_usd / most : 0} />
        ))}
      </ul>
    </section>
  );
}

function CostRow({ item, share }: { item: CostItem; share: number }) {
  const name = (
    <>
      {item.label}
      {item.detail && <span className="ml-1.5 text-xs text-faint">{item.detail}</span>}
    </>
  );
  return (
    <li className="lazy-row border-b hairline py-2">
      <p className="flex items-baseline gap-3">
        {item.href ? (
          <Link href={item.href} className="min-w-0 flex-1 wrap-anywhere hover:underline">
            {name}
          </Link>
        ) : (
          <span className="min-w-0 flex-1 wrap-anywhere">{name}</span>
        )}
        <span className="font-medium tabular-nums">{formatUsd(item.cost_usd)}</span>
      </p>
      <svg
        viewBox="0 0 100 4"
        preserveAspectRatio="none"
        aria-hidden="true"
        className="mt-1.5 block h-1 w-full text-accent"
      >
        <rect width={share * 100} height="4" fill="currentColor" />
      </svg>
      <p className="mt-1 text-xs text-faint tabular-nums">{tokensOf(item)}</p>
    </li>
  );
}

/** "12 calls · 3,400 tokens in, 900 of them cached · 210 out" */
export function tokensOf({ calls, input_tokens, cached_tokens, output_tokens }: CostLine): string {
  const cached = cached_tokens > 0 ? `, ${cached_tokens.toLocaleString("en")} of them cached` : "";
  return `${formatCount(calls, "call")} · ${input_tokens.toLocaleString("en")} tokens in${cached} · ${output_tokens.toLocaleString("en")} out`;
}
