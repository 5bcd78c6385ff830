// Scripts that make a shell complete a program's words. They all ask the program itself (`PROGRAM complete -- WORD…`,
// complete-command.ts), so they offer what exists now and never go out of date. If that fails they print nothing.

import { FILES_STATUS } from './complete-command.js';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

export interface CompletedProgram {
  /** The command that is completed. */
  readonly name: string;
  /** How to start it if it is not in the PATH: a program and its arguments. */
  readonly start: readonly string[];
}

export function completionScript(shell: Shell, { name, start }: CompletedProgram): string {
  const names: Names = { name, own: `_${name.replace(/\W/g, '_')}`, start: start.map(quoted).join(' ') };
  switch (shell) {
    case 'bash':
      return bashScript(names);
    case 'zsh':
      return zshScript(names);
    case 'fish':
      return fishScript(names);
  }
}

interface Names {
  readonly name: string;
  /** Of the shell's function. */
  readonly own: string;
  readonly start: string;
}

/** In single quotes, with ' escaped so that all three shells read it. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'"'"'`)}'`;
}

/** bash splits words at the = and : of COMP_WORDBREAKS: the script rejoins them, and cuts the answers the way bash expects. */
function bashScript({ name, own, start }: Names): string {
  return `# bash completion for ${name}: eval "$(${name} completion bash)"
${own}() {
  local program=("\${COMP_WORDS[0]}") words=() word last=\${COMP_WORDS[COMP_CWORD]} i
  type -P -- "\${program[0]}" >/dev/null || program=(${start})
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if ((i > 1)) && [[ $word =~ ^[=:]+$ || (\${words[-1]} == *[=:] && $word != -*) ]]; then
      words[-1]+=$word
    else
      words+=("$word")
    fi
  done
  [[ $last =~ ^[=:]+$ ]] && last=
  local cut=\${words[-1]%"$last"} lines line
  COMPREPLY=()
  lines=$("\${program[@]}" complete -- "\${words[@]}" 2>/dev/null)
  if (($? == ${FILES_STATUS})); then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$last")
    return
  fi
  [[ $cut == *[=:]* ]] || cut=
  while IFS= read -r line; do
    line=\${line%%$'\\t'*}
    [[ -n $line ]] && COMPREPLY+=("\${line#"$cut"}")
  done <<<"$lines"
  [[ \${#COMPREPLY[@]} == 1 && \${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
}
complete -F ${own} ${name}
`;
}

/** Works as a file `_NAME` in fpath, and when sourced. */
function zshScript({ name, own, start }: Names): string {
  return `#compdef ${name}
# zsh completion for ${name}: source <(${name} completion zsh), after compinit
${own}() {
  local -a program whole begun
  local lines line entry
  program=("\${(Q)words[1]}")
  (( $+commands[$program[1]] )) || [[ -x $program[1] ]] || program=(${start})
  lines="$("\${program[@]}" complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)"
  if (( $? == ${FILES_STATUS} )); then
    compset -P '*='
    _files
    return
  fi
  for line in "\${(@f)lines}"; do
    [[ -n $line ]] || continue
    entry="\${\${line%%$'\\t'*}//:/\\\\:}"
    [[ $line == *$'\\t'* ]] && entry+=":\${line#*$'\\t'}"
    if [[ $line == *=$'\\t'* || $line == *= ]]; then begun+=("$entry"); else whole+=("$entry"); fi
  done
  _describe -t ${name} ${name} begun -S '' -- whole
}
if [[ $funcstack[1] == ${own} ]]; then ${own} "$@"; else compdef ${own} ${name}; fi
`;
}

function fishScript({ name, own, start }: Names): string {
  return `# fish completion for ${name}: ${name} completion fish | source
function _${own}
    set -l words (commandline -opc)
    set -l begun (commandline -ct)
    set -l program $words[1]
    set -e words[1]
    command -q -- $program; or set program ${start}
    set -l lines ($program complete -- $words "$begun" 2>/dev/null)
    if test $status -eq ${FILES_STATUS}
        set -l option (string match -r '^-[^=]*=' -- $begun)
        for path in (__fish_complete_path (string replace -r '^-[^=]*=' '' -- "$begun"))
            printf '%s\\n' "$option$path"
        end
        return
    end
    printf '%s\\n' $lines
end
complete -c ${name} -f -a '(_${own})'
`;
}
