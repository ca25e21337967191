/** Days of the calendar, as YYYY-MM-DD, without hours or time zones. */

const DAY_MS = 86_400_000;
const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;

export interface DayFacts {
  readonly date: string;
  readonly weekday: string;
  /** From 1. */
  readonly dayOfYear: number;
}

/** The day of this moment where the visitor is. */
export function dayOf(now: Date): string {
  const pad = (value: number) => String(value).padStart(2, "0");
  return `${now.getFullYear()}-${pad(now.getMonth() + 1)}-${pad(now.getDate())}`;
}

/** @throws Error for what is no day */
export function factsOf(date: string): DayFacts {
  const day = utc(date);
  const weekday = day.toLocaleDateString("en", { weekday: "long", timeZone: "UTC" });
  const first = Date.UTC(day.getUTCFullYear(), 0, 1);
  return { date, weekday, dayOfYear: Math.round((day.getTime() - first) / DAY_MS) + 1 };
}

/** @throws Error for what is no day */
export function addDays(date: string, days: number): string {
  const day = new Date(utc(date).getTime() + Math.round(days) * DAY_MS);
  if (Number.isNaN(day.getTime())) throw new Error("That is too far away.");
  return day.toISOString().slice(0, 10);
}

/** From the first to the second; negative where that is earlier. @throws Error for what is no day */
export function daysBetween(from: string, to: string): number {
  return Math.round((utc(to).getTime() - utc(from).getTime()) / DAY_MS);
}

function utc(date: string): Date {
  const [, year = "", month = "", day = ""] = DATE.exec(date) ?? [];
  const found = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  // Days that a month does not have would run over into the next.
  if (Number.isNaN(found.getTime()) || found.toISOString().slice(0, 10) !== date)
    throw new Error(`"${date}" is no day: write it as 2024-03-31.`);
  return found;
}
