# Completion of operator for fish: operator completions fish > ~/.config/fish/completions/operator.fish
function __operator_candidates
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l found ($words[1] part complete -- $words[2..-1] "$current" 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\n' $found
    else
        __fish_complete_path "$current"
    end
end
complete -c operator -f -a '(__operator_candidates)'
