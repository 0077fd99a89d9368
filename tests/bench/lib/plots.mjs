// Plots of benchmark results as SVG that reads on light and on dark ground.

const STYLE = `text{font:12px system-ui,sans-serif;fill:#333}.dim{fill:#777}.axis{stroke:#999}.goal{stroke:#333;stroke-dasharray:4 3}
.c0{fill:#2a6fb0;stroke:#2a6fb0}.c1{fill:#c2661a;stroke:#c2661a}.c2{fill:#3c8d57;stroke:#3c8d57}.missed{fill:#b8323a}
text.c0,text.c1,text.c2{stroke:none}polyline{fill:none!important;stroke-width:2}
@media(prefers-color-scheme:dark){text{fill:#ddd}.dim{fill:#999}.axis{stroke:#777}.goal{stroke:#ddd}
.c0{fill:#6cb0ee;stroke:#6cb0ee}.c1{fill:#f0a060;stroke:#f0a060}.c2{fill:#7cc894;stroke:#7cc894}.missed{fill:#f0757c}}`;

const escape = (text) => String(text).replace(/[&<>"]/g, (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[character]);
const text = (x, y, content, { anchor = 'start', kind = '' } = {}) => `<text x="${x}" y="${y}" text-anchor="${anchor}"${kind && ` class="${kind}"`}>${escape(content)}</text>`;
const line = (x1, y1, x2, y2, kind) => `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" class="${kind}"/>`;
const round = (value) => Number(value.toFixed(1));
const svg = (width, height, parts) => `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<style>${STYLE}</style>
${parts.join('\n')}
</svg>
`;

const short = (value) => {
  for (const [size, letter] of [[1e6, 'M'], [1e3, 'k']])
    if (value >= size)
      return `${Number((value / size).toPrecision(3))}${letter}`;
  return String(Number(value.toPrecision(3)));
};

// Every figure that has a goal, as a part of that goal: what reaches beyond the dashed line misses it.
function goals(figures) {
  const [left, bar, high, most, width] = [170, 420, 20, 1.5, 700];
  const scale = (part) => round(left + Math.min(part, most) / most * bar);
  const bottom = figures.length * high + 10;
  const parts = [line(scale(1), 5, scale(1), bottom, 'goal'), text(scale(1), bottom + 15, 'the goal', { anchor: 'middle' })];
  figures.forEach(({ name, goal }, i) => {
    const part = goal.value / goal.bound, y = 8 + i * high;
    parts.push(text(left - 8, y + 11, name, { anchor: 'end' }));
    parts.push(`<rect x="${left}" y="${y}" width="${round(Math.max(scale(part) - left, 1))}" height="${high - 6}" class="${goal.met ? 'c0' : 'missed'}"/>`);
    parts.push(text(left + bar + 10, y + 11, `${short(goal.value)} of ${short(goal.bound)}${part > most ? ' →' : ''}`));
  });
  return svg(width, bottom + 25, parts);
}

// A round number not below `value`, for the top of an axis.
function ceiling(value) {
  const size = 10 ** Math.floor(Math.log10(value || 1));
  return [1, 1.5, 2, 3, 4, 6, 8, 10].map((step) => step * size).find((step) => step >= value);
}

// One panel: y from nought, x as told, evenly apart. Each line in it is an array of points, in order of x.
function panel(left, title, lines) {
  const [width, top, height, margin] = [230, 45, 130, 40];
  const all = [...lines.values()].flat(), { unit, x_what: what } = all[0];
  const steps = [...new Set(all.map(({ x }) => x))].sort((a, b) => a - b), peak = ceiling(Math.max(...all.map(({ y }) => y)) * 1.1);
  const x = (value) => round(left + margin + 15 + steps.indexOf(value) * (width - margin - 30) / Math.max(steps.length - 1, 1));
  const y = (value) => round(top + height - value / peak * height);
  const parts = [line(left + margin, top + height, left + width, top + height, 'axis'), line(left + margin, top, left + margin, top + height, 'axis')];
  parts.push(text(left + margin - 5, top + 4, short(peak), { anchor: 'end', kind: 'dim' }), text(left + margin - 5, top + height, '0', { anchor: 'end', kind: 'dim' }));
  const measured = unit.replace(/^us\b/, 'µs');
  parts.push(text(left + 5, 14, lines.size > 1 ? `${title}, ${measured}` : measured));
  parts.push(text(left + margin + (width - margin) / 2, top + height + 32, what, { anchor: 'middle' }));
  steps.forEach((step) => parts.push(text(x(step), top + height + 15, short(step), { anchor: 'middle', kind: 'dim' })));
  [...lines].forEach(([name, points], i) => {
    const kind = `c${i % 3}`;
    parts.push(`<polyline points="${points.map((point) => `${x(point.x)},${y(point.y)}`).join(' ')}" class="${kind}"/>`);
    points.forEach((point) => parts.push(`<circle cx="${x(point.x)}" cy="${y(point.y)}" r="3" class="${kind}"/>`, text(x(point.x), y(point.y) + (i ? 16 : -7), short(point.y), { anchor: 'middle', kind })));
    if (name)
      parts.push(text(left + margin + 15 + i * 90, top - 10, name, { kind }));
  });
  return parts;
}

const group = (items, key) => items.reduce((groups, item) => groups.set(key(item), [...(groups.get(key(item)) ?? []), item]), new Map());

// A scenario's points: a panel a series, or several lines in one if series are named PANEL/LINE.
function curves(points) {
  const panels = [...group(points, ({ series }) => series.split('/')[0])];
  const sorted = (line) => [...line].sort((a, b) => a.x - b.x);
  const drawn = panels.map(([title, some], i) => {
    const lines = group(some, ({ series }) => series.split('/')[1] ?? '');
    return panel(i % 3 * 260 + 10, title, new Map([...lines].map(([name, line]) => [name, sorted(line)]))).join('\n');
  });
  const rows = Math.ceil(panels.length / 3);
  const parts = drawn.map((part, i) => `<g transform="translate(0,${Math.floor(i / 3) * 220})">\n${part}\n</g>`);
  return svg(Math.min(panels.length, 3) * 260 + 20, rows * 220, parts);
}

// Names, titles and texts of all files.
export function plots(figures, points) {
  const aimed = figures.filter(({ goal }) => goal);
  const files = aimed.length ? [{ name: 'goals.svg', title: 'Each figure as a part of its goal', svg: goals(aimed) }] : [];
  for (const [scenario, some] of group(points, ({ scenario }) => scenario))
    files.push({ name: `${scenario}.svg`, title: `${scenario}: ${[...new Set(some.map(({ x_what: what }) => `by ${what}`))].join(', ')}`, svg: curves(some) });
  return files;
}
