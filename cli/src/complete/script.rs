//! The scripts: each asks covey what can stand at the end of the line.

use super::Speaks;

/// The covey that is found by its name is called, else (behind an alias) the one that printed the script.
pub(crate) fn script(shell: Speaks, this: &str) -> String {
    let text = match shell {
        Speaks::Bash => BASH,
        Speaks::Zsh => ZSH,
        Speaks::Fish => FISH,
    };
    text.replace("@COVEY@", &format!("'{}'", this.replace('\'', "'\\''")))
}

const BASH: &str = r#"# Completion of covey for bash.
_covey() {
    local covey answer
    covey=$(type -P covey) || covey=@COVEY@
    COMPREPLY=()
    answer=$("$covey" complete-line bash "${COMP_LINE:0:COMP_POINT}" 2>/dev/null </dev/null) || return 0
    if [ "$answer" = files ]; then
        compopt -o filenames -o default 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]#=}")
        return 0
    fi
    mapfile -t -s 1 COMPREPLY <<<"$answer"
    # What ends in = is not finished.
    [ "${#COMPREPLY[@]}" -ne 1 ] || [[ ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2>/dev/null
}
complete -F _covey covey
"#;

const ZSH: &str = r#"#compdef covey
# Completion of covey for zsh.
_covey() {
    local covey
    local -a lines
    covey=$(whence -p covey) || covey=@COVEY@
    lines=("${(@f)$("$covey" complete-line zsh "${(j: :)words[1,CURRENT-1]} $QIPREFIX$IPREFIX$PREFIX" 2>/dev/null </dev/null)}")
    case $lines[1] in
        files) _files ;;
        words) shift lines; (( $#lines )) && _describe covey lines ;;
    esac
}
if [[ $funcstack[1] = _covey ]]; then _covey "$@"; else compdef _covey covey; fi
"#;

const FISH: &str = r#"# Completion of covey for fish.
function __covey_complete
    set -l covey (command -s covey); or set covey @COVEY@
    set -l lines ($covey complete-line fish (commandline -cp | string collect) 2>/dev/null </dev/null)
    switch "$lines[1]"
        case files
            __fish_complete_path (commandline -ct)
        case words
            test (count $lines) -gt 1; and string join \n -- $lines[2..]
    end
end
complete -c covey -f -a '(__covey_complete)'
"#;
