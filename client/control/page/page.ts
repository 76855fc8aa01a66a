// The page of the control interface, as the server sends it at GET /: one HTML document put together from page.html, page.css
// and the modules of browser/, and the policy that allows exactly that and nothing from elsewhere. It holds no data and no
// secret; everything it shows it asks for with the token of its URL's fragment.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inOneScript } from './one-script.ts';

/** The document, and its Content-Security-Policy header. */
export type Page = { readonly html: string; readonly contentSecurityPolicy: string };

/** The page. The server asks once, when somebody opens it for the first time. */
export async function readPage(): Promise<Page> {
  const [frame, style, script] = await Promise.all([
    readFile(join(import.meta.dirname, 'page.html'), 'utf8'),
    readFile(join(import.meta.dirname, 'page.css'), 'utf8'),
    inOneScript(join(import.meta.dirname, 'browser'), 'main'),
  ]);
  return {
    html: frame
      .replace('<style></style>', () => `<style>${style}</style>`)
      .replace('<script type="module"></script>', () => `<script type="module">${script}</script>`),
    contentSecurityPolicy: [
      "default-src 'none'",
      "connect-src 'self'",
      'img-src data:',
      `script-src '${hashOf(script)}'`,
      `style-src '${hashOf(style)}'`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ].join('; '),
  };
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
