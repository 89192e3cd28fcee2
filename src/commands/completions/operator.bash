# Completion of operator for bash 3.2 and later: eval "$(operator completions bash)"
_operator() {
  local IFS=$'\n'
  COMPREPLY=($("$1" part complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _operator operator
