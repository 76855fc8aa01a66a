// A token in a file that somebody renews: read again whenever the file has changed, so that the next connection shows the
// token of now. Who renews it is not this program's business; while a file cannot be read, the last token counts.
import { readFileSync, statSync } from 'node:fs';

/** Gives the token in `path`; `first` is what was read from it when the program began. */
export function tokenOfFile(path: string, first: string): () => string {
  let token = first;
  let seen = versionOf(path);
  return () => {
    const now = versionOf(path);
    if (now === undefined || now === seen) return token;
    try {
      const text = readFileSync(path, 'utf8').trim();
      // an empty file is being written
      if (text !== '') [token, seen] = [text, now];
    } catch {
      // it may be there again at the next connection
    }
    return token;
  };
}

function versionOf(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? undefined : `${stat.ino} ${stat.size} ${stat.mtimeMs}`;
}
