# Prints "FILE, line N: ..." for each statement in SQL files that cannot be part of a transaction, and for each command of psql.
# Like psql it skips comments, strings, dollar quotes and the bodies of functions. Needs LC_ALL=C.

function report(line, what) {
    print prefix name ", line " line ": " what " cannot be part of a file, which is applied as one transaction; " \
        "docs/database.md says what to do instead"
}

# Checks a statement at its end. `words` are those outside of quotes, in upper case, with a space before and after each.
function check() {
    if (words !~ /^ ROLLBACK (WORK |TRANSACTION )?TO / && ( \
        match(words, /^ (ABORT|BEGIN|COMMIT|END|ROLLBACK|START TRANSACTION|PREPARE TRANSACTION) /) \
        || match(words, /^ (CREATE|DROP) (DATABASE|TABLESPACE|SUBSCRIPTION) /) \
        || match(words, /^ ALTER (SYSTEM|DATABASE [^ ]+ SET TABLESPACE) /) \
        || match(words, /^ (CREATE( UNIQUE)?|DROP) INDEX CONCURRENTLY /) \
        || match(words, /^ REINDEX (VERBOSE |TABLESPACE [^ ]+ )*(DATABASE|SCHEMA|SYSTEM) /) \
        || match(words, /^ (REINDEX|ALTER TABLE .* DETACH PARTITION) .*CONCURRENTLY /) \
        || match(words, /^ (CLUSTER( VERBOSE)? $|VACUUM |DISCARD ALL )/)))
        report(first, substr(words, 2, RLENGTH - 2))
    # The next lines are data, up to a line with a backslash and a dot.
    data = (words ~ /^ COPY .* FROM STDIN /)
    words = ""
    parens = begins = 0
}

function word(text) {
    if (words == "") { first = FNR; words = " " }
    text = toupper(text)
    if (words ~ /^ CREATE (OR REPLACE )?(FUNCTION|PROCEDURE) / && !parens) {
        if (text == "BEGIN" || text == "CASE" && begins) begins++
        if (text == "END" && begins) begins--
    }
    if (length(words) < 500) words = words text " "
}

# Skips the text of a quote up to `closing`, or to the end of the line.
function skip_quote(at) {
    if (escapes) {
        while (match(text, /^[^\\']*(\\.|'')/)) text = substr(text, RLENGTH + 1)
        if (text ~ /^[^\\']*\\$/) text = ""
    }
    at = index(text, closing)
    text = at ? substr(text, at + length(closing)) : ""
    if (at) closing = ""
}

# Comments may be nested.
function skip_comment() {
    if (match(text, /\/\*|\*\//)) depth += substr(text, RSTART, 1) == "/" ? 1 : -1
    text = RSTART ? substr(text, RSTART + 2) : ""
}

FNR == 1 {
    check()
    name = FILENAME
    closing = ""
    depth = data = 0
}

data {
    if ($0 == "\\.") data = 0
    next
}

{
    text = $0
    while (text != "") {
        if (closing != "") skip_quote()
        else if (depth) skip_comment()
        else if (match(text, /^[ \t\r\f\v]+/)) text = substr(text, RLENGTH + 1)
        else if (text ~ /^--/) text = ""
        else if (text ~ /^\/\*/) { depth = 1; text = substr(text, 3) }
        else if (match(text, /^([eE]?'|"|[$]([A-Za-z_\200-\377][A-Za-z0-9_\200-\377]*)?[$])/)) {
            closing = substr(text, 1, RLENGTH)
            escapes = closing ~ /^[eE]/
            if (escapes) closing = "'"
            if (closing == "\"") word("?")
            text = substr(text, RLENGTH + 1)
        } else if (match(text, /^[A-Za-z0-9_$\200-\377]+/)) {
            word(substr(text, 1, RLENGTH))
            text = substr(text, RLENGTH + 1)
        } else if (match(text, /^\\[^ \t\r\f\v]*/)) {
            report(FNR, substr(text, 1, RLENGTH))
            check()
            text = ""
        } else {
            if (text ~ /^\(/) parens++
            if (text ~ /^\)/ && parens) parens--
            if (text ~ /^;/ && !parens && !begins) check()
            text = substr(text, 2)
        }
    }
}

END {
    check()
}
