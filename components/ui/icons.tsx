// The icon set: 16-pixel line drawings of our own, coloured by the text around them.
import type { ReactNode } from "react";
import { cx } from "./cx";

const DRAWINGS = {
  overview: <path d="M2.5 2.5h4.5v6H2.5zM9 2.5h4.5v3.5H9zM9 8h4.5v5.5H9zM2.5 10.5h4.5v3h-4.5z" />,
  jobs: <path d="M5.5 4h8M5.5 8h8M5.5 12h8M2.5 4h.5M2.5 8h.5M2.5 12h.5" />,
  branch: (
    <path d="M4.5 10.5V3M4.5 10.5a1.5 1.5 0 1 1 0 3 1.5 1.5 0 0 1 0-3M11.5 3a1.5 1.5 0 1 1 0 3 1.5 1.5 0 0 1 0-3M11.5 6c0 3-3.5 3-7 3" />
  ),
  queue: <path d="M2.5 3.5h11M4 7h8M5.5 10.5h5M7 14h2" />,
  workers: (
    <path d="M4.5 4.5h7v7h-7zM6.5 2v2.5M9.5 2v2.5M6.5 11.5V14M9.5 11.5V14M2 6.5h2.5M2 9.5h2.5M11.5 6.5H14M11.5 9.5H14" />
  ),
  costs: <path d="M2.5 13.5h11M4 13.5V9M8 13.5V3M12 13.5V6.5" />,
  settings: <path d="M2.5 4.5h6M11.5 4.5h2M2.5 11.5h2M7.5 11.5h6M10 3v3M6 10v3" />,
  docs: <path d="M4 2.5h5.5L12.5 5.5v8H4zM9.5 2.5v3h3M6.5 8.5h3.5M6.5 11h3.5" />,
  plus: <path d="M8 3v10M3 8h10" />,
  search: <path d="M7 3a4 4 0 1 1 0 8 4 4 0 0 1 0-8M10 10l3.5 3.5" />,
  menu: <path d="M2.5 4.5h11M2.5 8h11M2.5 11.5h11" />,
  close: <path d="M4 4l8 8M12 4l-8 8" />,
  copy: <path d="M6 6h7.5v7.5H6zM3 10V2.5h7.5" />,
  right: <path d="M6 3.5L10.5 8 6 12.5" />,
  down: <path d="M3.5 6L8 10.5 12.5 6" />,
  up: <path d="M3.5 10L8 5.5 12.5 10" />,
  out: <path d="M7 2.5H3v11h4M10 5l3 3-3 3M13 8H6.5" />,
  warning: <path d="M8 2.5L14 13H2zM8 6.5v3M8 11.25v.25" />,
  check: <path d="M3 8.5L6.5 12 13 4.5" />,
  cross: <path d="M4.5 4.5l7 7M11.5 4.5l-7 7" />,
  file: <path d="M4 2.5h5l3 3v8H4zM9 2.5v3h3" />,
  folder: <path d="M2 4h4l1.5 1.5H14V13H2z" />,
  terminal: <path d="M2.5 3h11v10h-11zM5 6.5L7 8l-2 1.5M8.5 10h2.5" />,
  pencil: <path d="M3 13l.7-2.8L11 3l2 2-7.2 7.3z" />,
  eye: (
    <path d="M1.5 8C4 4 12 4 14.5 8 12 12 4 12 1.5 8M8 6.25a1.75 1.75 0 1 1 0 3.5 1.75 1.75 0 0 1 0-3.5" />
  ),
  speech: <path d="M2.5 3h11v8H7l-3 2.5V11H2.5z" />,
  spark: <path d="M8 2l1.5 4.5L14 8l-4.5 1.5L8 14l-1.5-4.5L2 8l4.5-1.5z" />,
  flag: <path d="M4 14V2.5h8L10 5.5l2 3H4" />,
  dot: <path d="M8 7.5v1M7.5 8h1" />,
  stop: <path d="M4 4h8v8H4z" />,
  pause: <path d="M5.5 3.5v9M10.5 3.5v9" />,
  play: <path d="M5 3l8 5-8 5z" />,
  again: <path d="M13 8a5 5 0 1 1-1.5-3.5M13 2.5v3h-3" />,
  dashed: <path d="M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11" strokeDasharray="2.2 2.12" />,
  clock: <path d="M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11M8 5v3l2 1.5" />,
  arc: <path d="M8 2.5A5.5 5.5 0 1 1 2.5 8" />,
  magnifier: <path d="M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11M8 6a2 2 0 1 1 0 4 2 2 0 0 1 0-4" />,
  ring: <path d="M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11M5.5 8.25L7.25 10l3.25-4" />,
  ringCross: <path d="M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11M6 6l4 4M10 6l-4 4" />,
  ringPause: <path d="M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11M6.5 6v4M9.5 6v4" />,
  ringMinus: <path d="M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11M5.5 8h5" />,
  ringBang: <path d="M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11M8 5v3.5M8 10.75v.25" />,
  bulb: <path d="M6 10.5C4.8 9.7 4 8.4 4 6.75a4 4 0 1 1 8 0c0 1.65-.8 2.95-2 3.75v1.5H6zM6.5 14h3" />,
  download: <path d="M8 2.5v7.5M4.75 7L8 10.25 11.25 7M2.5 13.5h11" />,
  pin: <path d="M5.5 2.5h5M6.25 2.5v4L4 9.5h8L9.75 6.5v-4M8 9.5v4" />,
  parcel: <path d="M2.5 5L8 2.5 13.5 5v6L8 13.5 2.5 11zM2.5 5L8 7.5 13.5 5M8 7.5v6" />,
  wrench: (
    <path d="M13.3 4.7a3.5 3.5 0 0 1-4.6 4.6L4.5 13.5l-2-2 4.2-4.2a3.5 3.5 0 0 1 4.6-4.6L9.3 4.7l2 2z" />
  ),
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof DRAWINGS;

/** A drawing of the set; it says nothing to a screen reader, the text beside it does. */
export function Icon({ name, className }: { name: IconName; className?: string }) {
  return (
    <svg
      viewBox="0 0 16 16"
      aria-hidden="true"
      className={cx("icon", className)}
      fill="none"
      stroke="currentColor"
      strokeWidth="1.4"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      {DRAWINGS[name]}
    </svg>
  );
}
