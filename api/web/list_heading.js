// The first line of a list, which names its columns.

const SEPARATORS = ["\t", ",", ";", "|", "，", "；", "،", "؛", " - ", " – ", " — ", " = ", ": ", "："];
const NAMES = { 1: ["word"], 2: ["word", "translation"], 3: ["word", "reading", "translation"] };
const MOST_NAMES = 3;
const LEFT_OUT = "-";

/** Return a heading for lines, which the reader may have to change: with as many columns and the same separator. */
export function headingOf(lines) {
  const cells = (separator) => Math.max(...lines.map((line) => line.split(separator).length));
  const uses = (separator) => lines.filter((line) => line.includes(separator)).length;
  const separator = SEPARATORS.reduce((best, one) => (uses(one) > uses(best) ? one : best));
  const count = cells(separator);
  const names = NAMES[Math.min(count, MOST_NAMES)];
  return [...names, ...Array(count - names.length).fill(LEFT_OUT)].join(separator);
}
