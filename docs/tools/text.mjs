/** Pieces of text that several tools make. */

/** Rows, the first of them the head, as a table with aligned columns. */
export function aligned([head, ...rows]) {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column].length)));
  const line = (cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

/** `text` as a pattern that finds exactly it. */
export const literally = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
