/** What Node's codes for file system errors mean, without the file's name. */
export const FILE_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  ENOTDIR: 'a part of the path is not a directory',
  EISDIR: 'is a directory; a file is needed',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left on the device',
  EMFILE: 'too many open files (ulimit -n)',
  ELOOP: 'symbolic links form a loop',
  ENAMETOOLONG: 'the name is too long',
};

/** What is wrong with a file that could not be read or written, for a message that names the file. */
export function fileProblem(error: unknown): string {
  const { code = '', message = String(error) } = error as NodeJS.ErrnoException;
  return FILE_PROBLEMS[code] ?? message;
}
