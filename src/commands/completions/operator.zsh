#compdef operator
# Completion of operator for zsh: source <(operator completions zsh), or as _operator in a folder of $fpath.
_operator() {
  local -a found
  found=(${(f)"$("${words[1]}" part complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)"})
  if (( ${#found} )); then compadd -- $found; else _files; fi
}
if [[ "${funcstack[1]}" == _operator ]]; then _operator "$@"; else compdef _operator operator; fi
