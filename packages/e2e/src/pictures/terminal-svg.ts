import Anser, { type AnserJsonEntry } from 'anser';

/** What a screen reader says of a picture, and a browser shows on hovering. */
export interface PictureText {
  readonly title: string;
  readonly description: string;
}

// In units of the picture. Every span is stretched to its number of columns, since fonts differ in width.
const COLUMN = 8.4;
const ROW = 18;
const FONT = 14;
const MARGIN = 16;

const BACKGROUND = '#0d1117';
const FOREGROUND = '#e6edf3';

/**
 * A terminal's lines as an SVG picture, with a dark background of its own, so that it looks the same on light and dark pages.
 *
 * @param lines with escape sequences for colours, bold and reverse, as from `tmux capture-pane -e`
 */
export function terminalSvg(lines: readonly string[], columns: number, { title, description }: PictureText): string {
  const width = round(columns * COLUMN + 2 * MARGIN);
  const height = round(lines.length * ROW + 2 * MARGIN);
  const rows = lines.flatMap((line, row) => drawRow(line, MARGIN + row * ROW));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title desc">
<title id="title">${escapeXml(title)}</title>
<desc id="desc">${escapeXml(description)}</desc>
<rect width="${width}" height="${height}" rx="8" fill="${BACKGROUND}"/>
<g fill="${FOREGROUND}" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${FONT}" xml:space="preserve">
${rows.join('\n')}
</g>
</svg>
`;
}

/** Missing in Anser's types. */
type Span = AnserJsonEntry & { readonly isInverted: boolean };

/** One element per span of text, preceded by its background. */
function drawRow(line: string, top: number): string[] {
  let column = 0;
  const spans = Anser.ansiToJson(line, { json: true, remove_empty: true }) as Span[];
  return spans.flatMap(({ content, fg, bg, decorations, isInverted }) => {
    const columns = [...content].length;
    const x = round(MARGIN + column * COLUMN);
    const width = round(columns * COLUMN);
    column += columns;
    // Anser swaps black and white for reversed text without colours; here it swaps those of the picture.
    const [text, ground] = isInverted ? [BACKGROUND, FOREGROUND] : [colour(fg), colour(bg)];
    const elements = ground === undefined ? [] : [`<rect x="${x}" y="${top}" width="${width}" height="${ROW}" fill="${ground}"/>`];
    if (content.trim() === '') return elements;
    const fill = text === undefined ? '' : ` fill="${text}"`;
    const weight = decorations.includes('bold') ? ' font-weight="bold"' : '';
    const length = ` textLength="${width}" lengthAdjust="spacingAndGlyphs"`;
    return [...elements, `<text x="${x}" y="${top + FONT}"${length}${fill}${weight}>${escapeXml(content)}</text>`];
  });
}

/** Anser's `255, 85, 85`. */
function colour(rgb: string | null): string | undefined {
  return rgb === null ? undefined : `rgb(${rgb})`;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function round(units: number): number {
  return Math.round(units * 10) / 10;
}
