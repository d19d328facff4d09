# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_imgctl_global_optspecs
    string join \n q/quiet progress= v/verbose log-level= trace j/jobs= per-host= range-split= limit-rate= min-rate= retries= retry-max-wait= idle-timeout= timeout= no-resume fsync store= config= creds= src-creds= dest-creds= anonymous authfile= allow-realm= plain-http insecure ca-file= cert-file= key-file= cert-dir= tls-verify= src-tls-verify= dest-tls-verify= h/help V/version
end

function __fish_imgctl_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_imgctl_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_imgctl_using_subcommand
    set -l cmd (__fish_imgctl_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c imgctl -n "__fish_imgctl_needs_command" -l progress -d 'How to show progress on stderr: bars on a terminal, one line per change of state, one JSON event a line, or not' -r -f -a "auto\t'bar on a terminal, else plain'
bar\t'bars that move'
plain\t'one line for each change of state'
json\t'one JSON event a line'
none\t'nothing'"
complete -c imgctl -n "__fish_imgctl_needs_command" -l log-level -d 'Log to stderr from this level on' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c imgctl -n "__fish_imgctl_needs_command" -s j -l jobs -d 'How many blobs move at the same time [default: 4, and 8 where the registry is far away]' -r
complete -c imgctl -n "__fish_imgctl_needs_command" -l per-host -d 'How many requests are in flight to one host at most, downloads until they are read' -r
complete -c imgctl -n "__fish_imgctl_needs_command" -l range-split -d 'From how many ranges at once one large blob may be read where that is faster; 1 never splits' -r
complete -c imgctl -n "__fish_imgctl_needs_command" -l limit-rate -d 'How many bytes of blobs a second move at most, all together: 20M, 64KiB [default: no limit]' -r
complete -c imgctl -n "__fish_imgctl_needs_command" -l min-rate -d 'How many bytes a second a registry sends at least while it is waited for, on average over --idle-timeout, before its answer is given up; 0 bears with everything' -r
complete -c imgctl -n "__fish_imgctl_needs_command" -l retries -d 'How often something is tried again that made no progress' -r
complete -c imgctl -n "__fish_imgctl_needs_command" -l retry-max-wait -d 'How long a registry may ask to be left alone before the command gives up' -r
complete -c imgctl -n "__fish_imgctl_needs_command" -l idle-timeout -d 'How long the other side may be silent: 30s, 2m, 500ms' -r
complete -c imgctl -n "__fish_imgctl_needs_command" -l timeout -d 'How long the whole command may take: 90s, 10m, 2h [default: as long as it takes]' -r
complete -c imgctl -n "__fish_imgctl_needs_command" -l store -d 'Directory of the local store [default: imgctl/store in the user\'s data directory]' -r -F
complete -c imgctl -n "__fish_imgctl_needs_command" -l config -d 'File with keys for all these flags, globally and for single registries; an empty name reads none [default: imgctl/config.toml in the user\'s configuration directory]' -r -F
complete -c imgctl -n "__fish_imgctl_needs_command" -l creds -d 'Credentials for every registry of this command; asks for the password where there is none' -r
complete -c imgctl -n "__fish_imgctl_needs_command" -l src-creds -d 'Credentials for the registry that is read' -r
complete -c imgctl -n "__fish_imgctl_needs_command" -l dest-creds -d 'Credentials for the registry that is written' -r
complete -c imgctl -n "__fish_imgctl_needs_command" -l authfile -d 'Read credentials from this file (docker\'s config.json or podman\'s auth.json) and nowhere else' -r -F
complete -c imgctl -n "__fish_imgctl_needs_command" -l allow-realm -d 'Token server that stored credentials may be sent to; may be repeated or a comma list' -r
complete -c imgctl -n "__fish_imgctl_needs_command" -l ca-file -d 'PEM file of certificates to trust beside the system\'s; may be repeated or a comma list' -r -F
complete -c imgctl -n "__fish_imgctl_needs_command" -l cert-file -d 'PEM file of the client certificate to show to registries' -r -F
complete -c imgctl -n "__fish_imgctl_needs_command" -l key-file -d 'PEM file of the client certificate\'s key' -r -F
complete -c imgctl -n "__fish_imgctl_needs_command" -l cert-dir -d 'Directory with the certificates of registries: HOST:PORT/*.crt to trust, *.cert and *.key to show; without a directory for the registry, its own files [default: the certs.d of podman and docker]' -r -F
complete -c imgctl -n "__fish_imgctl_needs_command" -l tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_needs_command" -l src-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_needs_command" -l dest-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_needs_command" -s q -l quiet -d 'Print the result and errors only'
complete -c imgctl -n "__fish_imgctl_needs_command" -s v -l verbose -d 'Log what is done to stderr; -vv logs more, -vvv everything'
complete -c imgctl -n "__fish_imgctl_needs_command" -l trace -d 'Log every HTTP request and answer to stderr, secrets redacted'
complete -c imgctl -n "__fish_imgctl_needs_command" -l no-resume -d 'Start transfers from the beginning, and keep nothing of those that break off'
complete -c imgctl -n "__fish_imgctl_needs_command" -l fsync -d 'Flush what the command writes to the disk before it appears: a power loss then takes nothing of that. What was there already is not flushed'
complete -c imgctl -n "__fish_imgctl_needs_command" -l anonymous -d 'Use no credentials, even where some are given or stored'
complete -c imgctl -n "__fish_imgctl_needs_command" -l plain-http -d 'Speak http without TLS; without this only to localhost, 127.0.0.0/8 and [::1]'
complete -c imgctl -n "__fish_imgctl_needs_command" -l insecure -d 'Do not verify the registry\'s TLS certificate'
complete -c imgctl -n "__fish_imgctl_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c imgctl -n "__fish_imgctl_needs_command" -s V -l version -d 'Print version'
complete -c imgctl -n "__fish_imgctl_needs_command" -f -a "copy" -d 'Copy images from any place to any place, byte for byte'
complete -c imgctl -n "__fish_imgctl_needs_command" -f -a "pull" -d 'Pull images from registries into the local store'
complete -c imgctl -n "__fish_imgctl_needs_command" -f -a "push" -d 'Push an image of the local store to a registry'
complete -c imgctl -n "__fish_imgctl_needs_command" -f -a "save" -d 'Save images in one tar file that docker, podman, skopeo and imgctl load'
complete -c imgctl -n "__fish_imgctl_needs_command" -f -a "load" -d 'Load the images of a tar file into the local store'
complete -c imgctl -n "__fish_imgctl_needs_command" -f -a "tags" -d 'List the tags of a repository, one a line'
complete -c imgctl -n "__fish_imgctl_needs_command" -f -a "catalog" -d 'List the repositories of a registry, one a line'
complete -c imgctl -n "__fish_imgctl_needs_command" -f -a "inspect" -d 'Show what an image is: digest, platforms, layers, labels, environment'
complete -c imgctl -n "__fish_imgctl_needs_command" -f -a "manifest" -d 'Print the exact bytes of a manifest or index'
complete -c imgctl -n "__fish_imgctl_needs_command" -f -a "config" -d 'Print the exact bytes of an image\'s config'
complete -c imgctl -n "__fish_imgctl_needs_command" -f -a "digest" -d 'Print the digest of a manifest or index, one line for each image'
complete -c imgctl -n "__fish_imgctl_needs_command" -f -a "images" -d 'List the images in the local store'
complete -c imgctl -n "__fish_imgctl_needs_command" -f -a "tag" -d 'Give an image in the local store another name'
complete -c imgctl -n "__fish_imgctl_needs_command" -f -a "rmi" -d 'Remove images from the local store'
complete -c imgctl -n "__fish_imgctl_needs_command" -f -a "transfers" -d 'List and remove unfinished transfers'
complete -c imgctl -n "__fish_imgctl_needs_command" -f -a "serve" -d 'Serve images as an OCI registry'
complete -c imgctl -n "__fish_imgctl_needs_command" -f -a "login" -d 'Log in to a registry: the registry verifies the credentials, then they are kept'
complete -c imgctl -n "__fish_imgctl_needs_command" -f -a "logout" -d 'Log out of a registry: forget its credentials wherever they are kept'
complete -c imgctl -n "__fish_imgctl_needs_command" -f -a "completion" -d 'Print the completions of a shell'
complete -c imgctl -n "__fish_imgctl_needs_command" -f -a "man" -d 'Print the manual page of imgctl or of one command'
complete -c imgctl -n "__fish_imgctl_needs_command" -f -a "version" -d 'Print which version this is'
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l platform -d 'Only the image for this platform; may be repeated or a comma list' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l override-os -r
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l override-arch -r
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l override-variant -r
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l index -d 'What becomes of an index of which only some platforms are copied' -r -f -a "keep\t'copy the index with all its images after all'
rewrite\t'make a new index that lists the chosen images; its digest is new'
sparse\t'copy the index as it is, and only the chosen images'"
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l to -d 'Convert manifests to these media types; digests change' -r -f -a "oci\t'the OCI image specification\'s'
docker\t'docker\'s, schema 2'"
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l compress -d 'Compress layers anew: gzip, zstd or none, with a level as in zstd:19; digests change' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -s f -l format -d 'With --dry-run: print json, jsonl, or a Go template such as \'{{.Digest}} {{.Size}}\'' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l multi-arch -r -f -a "all\t''
system\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l progress -d 'How to show progress on stderr: bars on a terminal, one line per change of state, one JSON event a line, or not' -r -f -a "auto\t'bar on a terminal, else plain'
bar\t'bars that move'
plain\t'one line for each change of state'
json\t'one JSON event a line'
none\t'nothing'"
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l log-level -d 'Log to stderr from this level on' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -s j -l jobs -d 'How many blobs move at the same time [default: 4, and 8 where the registry is far away]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l per-host -d 'How many requests are in flight to one host at most, downloads until they are read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l range-split -d 'From how many ranges at once one large blob may be read where that is faster; 1 never splits' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l limit-rate -d 'How many bytes of blobs a second move at most, all together: 20M, 64KiB [default: no limit]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l min-rate -d 'How many bytes a second a registry sends at least while it is waited for, on average over --idle-timeout, before its answer is given up; 0 bears with everything' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l retries -d 'How often something is tried again that made no progress' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l retry-max-wait -d 'How long a registry may ask to be left alone before the command gives up' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l idle-timeout -d 'How long the other side may be silent: 30s, 2m, 500ms' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l timeout -d 'How long the whole command may take: 90s, 10m, 2h [default: as long as it takes]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l store -d 'Directory of the local store [default: imgctl/store in the user\'s data directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l config -d 'File with keys for all these flags, globally and for single registries; an empty name reads none [default: imgctl/config.toml in the user\'s configuration directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l creds -d 'Credentials for every registry of this command; asks for the password where there is none' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l src-creds -d 'Credentials for the registry that is read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l dest-creds -d 'Credentials for the registry that is written' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l authfile -d 'Read credentials from this file (docker\'s config.json or podman\'s auth.json) and nowhere else' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l allow-realm -d 'Token server that stored credentials may be sent to; may be repeated or a comma list' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l ca-file -d 'PEM file of certificates to trust beside the system\'s; may be repeated or a comma list' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l cert-file -d 'PEM file of the client certificate to show to registries' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l key-file -d 'PEM file of the client certificate\'s key' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l cert-dir -d 'Directory with the certificates of registries: HOST:PORT/*.crt to trust, *.cert and *.key to show; without a directory for the registry, its own files [default: the certs.d of podman and docker]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l src-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l dest-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l referrers -d 'Copy the manifests that describe the image too: signatures, SBOMs, attestations'
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l preserve-digests -d 'Fail rather than change a digest'
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l allow-foreign-layers -d 'Fetch layers that may not be distributed from where they point to, and push them'
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l all-tags -d 'Copy all tags of the source'
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l dry-run -d 'Print what would be moved, and move nothing'
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -s a -l all
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -s q -l quiet -d 'Print the result and errors only'
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -s v -l verbose -d 'Log what is done to stderr; -vv logs more, -vvv everything'
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l trace -d 'Log every HTTP request and answer to stderr, secrets redacted'
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l no-resume -d 'Start transfers from the beginning, and keep nothing of those that break off'
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l fsync -d 'Flush what the command writes to the disk before it appears: a power loss then takes nothing of that. What was there already is not flushed'
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l anonymous -d 'Use no credentials, even where some are given or stored'
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l plain-http -d 'Speak http without TLS; without this only to localhost, 127.0.0.0/8 and [::1]'
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -l insecure -d 'Do not verify the registry\'s TLS certificate'
complete -c imgctl -n "__fish_imgctl_using_subcommand copy" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l platform -d 'Only the image for this platform; may be repeated or a comma list' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l override-os -r
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l override-arch -r
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l override-variant -r
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -s f -l format -d 'With --dry-run: print json, jsonl, or a Go template such as \'{{.Digest}} {{.Size}}\'' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l progress -d 'How to show progress on stderr: bars on a terminal, one line per change of state, one JSON event a line, or not' -r -f -a "auto\t'bar on a terminal, else plain'
bar\t'bars that move'
plain\t'one line for each change of state'
json\t'one JSON event a line'
none\t'nothing'"
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l log-level -d 'Log to stderr from this level on' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -s j -l jobs -d 'How many blobs move at the same time [default: 4, and 8 where the registry is far away]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l per-host -d 'How many requests are in flight to one host at most, downloads until they are read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l range-split -d 'From how many ranges at once one large blob may be read where that is faster; 1 never splits' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l limit-rate -d 'How many bytes of blobs a second move at most, all together: 20M, 64KiB [default: no limit]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l min-rate -d 'How many bytes a second a registry sends at least while it is waited for, on average over --idle-timeout, before its answer is given up; 0 bears with everything' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l retries -d 'How often something is tried again that made no progress' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l retry-max-wait -d 'How long a registry may ask to be left alone before the command gives up' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l idle-timeout -d 'How long the other side may be silent: 30s, 2m, 500ms' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l timeout -d 'How long the whole command may take: 90s, 10m, 2h [default: as long as it takes]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l store -d 'Directory of the local store [default: imgctl/store in the user\'s data directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l config -d 'File with keys for all these flags, globally and for single registries; an empty name reads none [default: imgctl/config.toml in the user\'s configuration directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l creds -d 'Credentials for every registry of this command; asks for the password where there is none' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l src-creds -d 'Credentials for the registry that is read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l dest-creds -d 'Credentials for the registry that is written' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l authfile -d 'Read credentials from this file (docker\'s config.json or podman\'s auth.json) and nowhere else' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l allow-realm -d 'Token server that stored credentials may be sent to; may be repeated or a comma list' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l ca-file -d 'PEM file of certificates to trust beside the system\'s; may be repeated or a comma list' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l cert-file -d 'PEM file of the client certificate to show to registries' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l key-file -d 'PEM file of the client certificate\'s key' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l cert-dir -d 'Directory with the certificates of registries: HOST:PORT/*.crt to trust, *.cert and *.key to show; without a directory for the registry, its own files [default: the certs.d of podman and docker]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l src-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l dest-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l all-platforms -d 'Pull the images for all platforms, whatever --platform says'
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -s a -l all-tags -d 'Pull all tags of the repository'
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l dry-run -d 'Print what would be moved, and move nothing'
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -s q -l quiet -d 'Print the result and errors only'
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -s v -l verbose -d 'Log what is done to stderr; -vv logs more, -vvv everything'
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l trace -d 'Log every HTTP request and answer to stderr, secrets redacted'
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l no-resume -d 'Start transfers from the beginning, and keep nothing of those that break off'
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l fsync -d 'Flush what the command writes to the disk before it appears: a power loss then takes nothing of that. What was there already is not flushed'
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l anonymous -d 'Use no credentials, even where some are given or stored'
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l plain-http -d 'Speak http without TLS; without this only to localhost, 127.0.0.0/8 and [::1]'
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -l insecure -d 'Do not verify the registry\'s TLS certificate'
complete -c imgctl -n "__fish_imgctl_using_subcommand pull" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l platform -d 'Only the image for this platform; may be repeated or a comma list' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l override-os -r
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l override-arch -r
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l override-variant -r
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -s f -l format -d 'With --dry-run: print json, jsonl, or a Go template such as \'{{.Digest}} {{.Size}}\'' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l progress -d 'How to show progress on stderr: bars on a terminal, one line per change of state, one JSON event a line, or not' -r -f -a "auto\t'bar on a terminal, else plain'
bar\t'bars that move'
plain\t'one line for each change of state'
json\t'one JSON event a line'
none\t'nothing'"
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l log-level -d 'Log to stderr from this level on' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -s j -l jobs -d 'How many blobs move at the same time [default: 4, and 8 where the registry is far away]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l per-host -d 'How many requests are in flight to one host at most, downloads until they are read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l range-split -d 'From how many ranges at once one large blob may be read where that is faster; 1 never splits' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l limit-rate -d 'How many bytes of blobs a second move at most, all together: 20M, 64KiB [default: no limit]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l min-rate -d 'How many bytes a second a registry sends at least while it is waited for, on average over --idle-timeout, before its answer is given up; 0 bears with everything' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l retries -d 'How often something is tried again that made no progress' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l retry-max-wait -d 'How long a registry may ask to be left alone before the command gives up' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l idle-timeout -d 'How long the other side may be silent: 30s, 2m, 500ms' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l timeout -d 'How long the whole command may take: 90s, 10m, 2h [default: as long as it takes]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l store -d 'Directory of the local store [default: imgctl/store in the user\'s data directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l config -d 'File with keys for all these flags, globally and for single registries; an empty name reads none [default: imgctl/config.toml in the user\'s configuration directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l creds -d 'Credentials for every registry of this command; asks for the password where there is none' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l src-creds -d 'Credentials for the registry that is read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l dest-creds -d 'Credentials for the registry that is written' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l authfile -d 'Read credentials from this file (docker\'s config.json or podman\'s auth.json) and nowhere else' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l allow-realm -d 'Token server that stored credentials may be sent to; may be repeated or a comma list' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l ca-file -d 'PEM file of certificates to trust beside the system\'s; may be repeated or a comma list' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l cert-file -d 'PEM file of the client certificate to show to registries' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l key-file -d 'PEM file of the client certificate\'s key' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l cert-dir -d 'Directory with the certificates of registries: HOST:PORT/*.crt to trust, *.cert and *.key to show; without a directory for the registry, its own files [default: the certs.d of podman and docker]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l src-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l dest-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -s a -l all-tags -d 'Push all tags of the repository'
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l dry-run -d 'Print what would be moved, and move nothing'
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -s q -l quiet -d 'Print the result and errors only'
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -s v -l verbose -d 'Log what is done to stderr; -vv logs more, -vvv everything'
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l trace -d 'Log every HTTP request and answer to stderr, secrets redacted'
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l no-resume -d 'Start transfers from the beginning, and keep nothing of those that break off'
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l fsync -d 'Flush what the command writes to the disk before it appears: a power loss then takes nothing of that. What was there already is not flushed'
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l anonymous -d 'Use no credentials, even where some are given or stored'
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l plain-http -d 'Speak http without TLS; without this only to localhost, 127.0.0.0/8 and [::1]'
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -l insecure -d 'Do not verify the registry\'s TLS certificate'
complete -c imgctl -n "__fish_imgctl_using_subcommand push" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -s o -l output -d 'The file to write [default: standard output]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l archive -d 'What to write' -r -f -a "docker-archive\t'what docker save writes; an OCI layout at the same time'
oci-archive\t'an OCI layout'"
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l pull -d 'When to ask the registry: for what the store lacks, always, or never' -r -f -a "missing\t''
always\t''
never\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l platform -d 'Only the image for this platform; may be repeated or a comma list' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l override-os -r
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l override-arch -r
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l override-variant -r
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l compress -d 'Compress layers anew: gzip, zstd or none, with a level as in zstd:19; digests change' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -s f -l format -d 'With --dry-run: print json, jsonl, or a Go template such as \'{{.Digest}} {{.Size}}\'' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l progress -d 'How to show progress on stderr: bars on a terminal, one line per change of state, one JSON event a line, or not' -r -f -a "auto\t'bar on a terminal, else plain'
bar\t'bars that move'
plain\t'one line for each change of state'
json\t'one JSON event a line'
none\t'nothing'"
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l log-level -d 'Log to stderr from this level on' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -s j -l jobs -d 'How many blobs move at the same time [default: 4, and 8 where the registry is far away]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l per-host -d 'How many requests are in flight to one host at most, downloads until they are read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l range-split -d 'From how many ranges at once one large blob may be read where that is faster; 1 never splits' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l limit-rate -d 'How many bytes of blobs a second move at most, all together: 20M, 64KiB [default: no limit]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l min-rate -d 'How many bytes a second a registry sends at least while it is waited for, on average over --idle-timeout, before its answer is given up; 0 bears with everything' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l retries -d 'How often something is tried again that made no progress' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l retry-max-wait -d 'How long a registry may ask to be left alone before the command gives up' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l idle-timeout -d 'How long the other side may be silent: 30s, 2m, 500ms' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l timeout -d 'How long the whole command may take: 90s, 10m, 2h [default: as long as it takes]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l store -d 'Directory of the local store [default: imgctl/store in the user\'s data directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l config -d 'File with keys for all these flags, globally and for single registries; an empty name reads none [default: imgctl/config.toml in the user\'s configuration directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l creds -d 'Credentials for every registry of this command; asks for the password where there is none' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l src-creds -d 'Credentials for the registry that is read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l dest-creds -d 'Credentials for the registry that is written' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l authfile -d 'Read credentials from this file (docker\'s config.json or podman\'s auth.json) and nowhere else' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l allow-realm -d 'Token server that stored credentials may be sent to; may be repeated or a comma list' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l ca-file -d 'PEM file of certificates to trust beside the system\'s; may be repeated or a comma list' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l cert-file -d 'PEM file of the client certificate to show to registries' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l key-file -d 'PEM file of the client certificate\'s key' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l cert-dir -d 'Directory with the certificates of registries: HOST:PORT/*.crt to trust, *.cert and *.key to show; without a directory for the registry, its own files [default: the certs.d of podman and docker]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l src-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l dest-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l all-platforms -d 'Save the images for all platforms, whatever --platform says'
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l dry-run -d 'Print what would be moved, and move nothing'
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -s q -l quiet -d 'Print the result and errors only'
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -s v -l verbose -d 'Log what is done to stderr; -vv logs more, -vvv everything'
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l trace -d 'Log every HTTP request and answer to stderr, secrets redacted'
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l no-resume -d 'Start transfers from the beginning, and keep nothing of those that break off'
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l fsync -d 'Flush what the command writes to the disk before it appears: a power loss then takes nothing of that. What was there already is not flushed'
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l anonymous -d 'Use no credentials, even where some are given or stored'
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l plain-http -d 'Speak http without TLS; without this only to localhost, 127.0.0.0/8 and [::1]'
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -l insecure -d 'Do not verify the registry\'s TLS certificate'
complete -c imgctl -n "__fish_imgctl_using_subcommand save" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -s i -l input -d 'The file to read [default: standard input]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l platform -d 'Only the image for this platform; may be repeated or a comma list' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l override-os -r
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l override-arch -r
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l override-variant -r
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -s f -l format -d 'With --dry-run: print json, jsonl, or a Go template such as \'{{.Digest}} {{.Size}}\'' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l progress -d 'How to show progress on stderr: bars on a terminal, one line per change of state, one JSON event a line, or not' -r -f -a "auto\t'bar on a terminal, else plain'
bar\t'bars that move'
plain\t'one line for each change of state'
json\t'one JSON event a line'
none\t'nothing'"
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l log-level -d 'Log to stderr from this level on' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -s j -l jobs -d 'How many blobs move at the same time [default: 4, and 8 where the registry is far away]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l per-host -d 'How many requests are in flight to one host at most, downloads until they are read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l range-split -d 'From how many ranges at once one large blob may be read where that is faster; 1 never splits' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l limit-rate -d 'How many bytes of blobs a second move at most, all together: 20M, 64KiB [default: no limit]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l min-rate -d 'How many bytes a second a registry sends at least while it is waited for, on average over --idle-timeout, before its answer is given up; 0 bears with everything' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l retries -d 'How often something is tried again that made no progress' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l retry-max-wait -d 'How long a registry may ask to be left alone before the command gives up' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l idle-timeout -d 'How long the other side may be silent: 30s, 2m, 500ms' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l timeout -d 'How long the whole command may take: 90s, 10m, 2h [default: as long as it takes]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l store -d 'Directory of the local store [default: imgctl/store in the user\'s data directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l config -d 'File with keys for all these flags, globally and for single registries; an empty name reads none [default: imgctl/config.toml in the user\'s configuration directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l creds -d 'Credentials for every registry of this command; asks for the password where there is none' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l src-creds -d 'Credentials for the registry that is read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l dest-creds -d 'Credentials for the registry that is written' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l authfile -d 'Read credentials from this file (docker\'s config.json or podman\'s auth.json) and nowhere else' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l allow-realm -d 'Token server that stored credentials may be sent to; may be repeated or a comma list' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l ca-file -d 'PEM file of certificates to trust beside the system\'s; may be repeated or a comma list' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l cert-file -d 'PEM file of the client certificate to show to registries' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l key-file -d 'PEM file of the client certificate\'s key' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l cert-dir -d 'Directory with the certificates of registries: HOST:PORT/*.crt to trust, *.cert and *.key to show; without a directory for the registry, its own files [default: the certs.d of podman and docker]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l src-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l dest-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l dry-run -d 'Print what would be moved, and move nothing'
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -s q -l quiet -d 'Print the result and errors only'
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -s v -l verbose -d 'Log what is done to stderr; -vv logs more, -vvv everything'
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l trace -d 'Log every HTTP request and answer to stderr, secrets redacted'
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l no-resume -d 'Start transfers from the beginning, and keep nothing of those that break off'
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l fsync -d 'Flush what the command writes to the disk before it appears: a power loss then takes nothing of that. What was there already is not flushed'
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l anonymous -d 'Use no credentials, even where some are given or stored'
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l plain-http -d 'Speak http without TLS; without this only to localhost, 127.0.0.0/8 and [::1]'
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -l insecure -d 'Do not verify the registry\'s TLS certificate'
complete -c imgctl -n "__fish_imgctl_using_subcommand load" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l limit -d 'Print at most so many' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -s f -l format -d 'Print json, jsonl, or a Go template such as \'{{.Digest}}\' or \'table {{.Name}}\'' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l progress -d 'How to show progress on stderr: bars on a terminal, one line per change of state, one JSON event a line, or not' -r -f -a "auto\t'bar on a terminal, else plain'
bar\t'bars that move'
plain\t'one line for each change of state'
json\t'one JSON event a line'
none\t'nothing'"
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l log-level -d 'Log to stderr from this level on' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -s j -l jobs -d 'How many blobs move at the same time [default: 4, and 8 where the registry is far away]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l per-host -d 'How many requests are in flight to one host at most, downloads until they are read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l range-split -d 'From how many ranges at once one large blob may be read where that is faster; 1 never splits' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l limit-rate -d 'How many bytes of blobs a second move at most, all together: 20M, 64KiB [default: no limit]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l min-rate -d 'How many bytes a second a registry sends at least while it is waited for, on average over --idle-timeout, before its answer is given up; 0 bears with everything' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l retries -d 'How often something is tried again that made no progress' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l retry-max-wait -d 'How long a registry may ask to be left alone before the command gives up' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l idle-timeout -d 'How long the other side may be silent: 30s, 2m, 500ms' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l timeout -d 'How long the whole command may take: 90s, 10m, 2h [default: as long as it takes]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l store -d 'Directory of the local store [default: imgctl/store in the user\'s data directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l config -d 'File with keys for all these flags, globally and for single registries; an empty name reads none [default: imgctl/config.toml in the user\'s configuration directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l creds -d 'Credentials for every registry of this command; asks for the password where there is none' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l src-creds -d 'Credentials for the registry that is read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l dest-creds -d 'Credentials for the registry that is written' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l authfile -d 'Read credentials from this file (docker\'s config.json or podman\'s auth.json) and nowhere else' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l allow-realm -d 'Token server that stored credentials may be sent to; may be repeated or a comma list' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l ca-file -d 'PEM file of certificates to trust beside the system\'s; may be repeated or a comma list' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l cert-file -d 'PEM file of the client certificate to show to registries' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l key-file -d 'PEM file of the client certificate\'s key' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l cert-dir -d 'Directory with the certificates of registries: HOST:PORT/*.crt to trust, *.cert and *.key to show; without a directory for the registry, its own files [default: the certs.d of podman and docker]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l src-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l dest-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -s q -l quiet -d 'Print the result and errors only'
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -s v -l verbose -d 'Log what is done to stderr; -vv logs more, -vvv everything'
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l trace -d 'Log every HTTP request and answer to stderr, secrets redacted'
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l no-resume -d 'Start transfers from the beginning, and keep nothing of those that break off'
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l fsync -d 'Flush what the command writes to the disk before it appears: a power loss then takes nothing of that. What was there already is not flushed'
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l anonymous -d 'Use no credentials, even where some are given or stored'
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l plain-http -d 'Speak http without TLS; without this only to localhost, 127.0.0.0/8 and [::1]'
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -l insecure -d 'Do not verify the registry\'s TLS certificate'
complete -c imgctl -n "__fish_imgctl_using_subcommand tags" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l limit -d 'Print at most so many' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -s f -l format -d 'Print json, jsonl, or a Go template such as \'{{.Digest}}\' or \'table {{.Name}}\'' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l progress -d 'How to show progress on stderr: bars on a terminal, one line per change of state, one JSON event a line, or not' -r -f -a "auto\t'bar on a terminal, else plain'
bar\t'bars that move'
plain\t'one line for each change of state'
json\t'one JSON event a line'
none\t'nothing'"
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l log-level -d 'Log to stderr from this level on' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -s j -l jobs -d 'How many blobs move at the same time [default: 4, and 8 where the registry is far away]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l per-host -d 'How many requests are in flight to one host at most, downloads until they are read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l range-split -d 'From how many ranges at once one large blob may be read where that is faster; 1 never splits' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l limit-rate -d 'How many bytes of blobs a second move at most, all together: 20M, 64KiB [default: no limit]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l min-rate -d 'How many bytes a second a registry sends at least while it is waited for, on average over --idle-timeout, before its answer is given up; 0 bears with everything' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l retries -d 'How often something is tried again that made no progress' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l retry-max-wait -d 'How long a registry may ask to be left alone before the command gives up' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l idle-timeout -d 'How long the other side may be silent: 30s, 2m, 500ms' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l timeout -d 'How long the whole command may take: 90s, 10m, 2h [default: as long as it takes]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l store -d 'Directory of the local store [default: imgctl/store in the user\'s data directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l config -d 'File with keys for all these flags, globally and for single registries; an empty name reads none [default: imgctl/config.toml in the user\'s configuration directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l creds -d 'Credentials for every registry of this command; asks for the password where there is none' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l src-creds -d 'Credentials for the registry that is read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l dest-creds -d 'Credentials for the registry that is written' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l authfile -d 'Read credentials from this file (docker\'s config.json or podman\'s auth.json) and nowhere else' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l allow-realm -d 'Token server that stored credentials may be sent to; may be repeated or a comma list' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l ca-file -d 'PEM file of certificates to trust beside the system\'s; may be repeated or a comma list' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l cert-file -d 'PEM file of the client certificate to show to registries' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l key-file -d 'PEM file of the client certificate\'s key' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l cert-dir -d 'Directory with the certificates of registries: HOST:PORT/*.crt to trust, *.cert and *.key to show; without a directory for the registry, its own files [default: the certs.d of podman and docker]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l src-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l dest-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -s q -l quiet -d 'Print the result and errors only'
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -s v -l verbose -d 'Log what is done to stderr; -vv logs more, -vvv everything'
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l trace -d 'Log every HTTP request and answer to stderr, secrets redacted'
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l no-resume -d 'Start transfers from the beginning, and keep nothing of those that break off'
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l fsync -d 'Flush what the command writes to the disk before it appears: a power loss then takes nothing of that. What was there already is not flushed'
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l anonymous -d 'Use no credentials, even where some are given or stored'
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l plain-http -d 'Speak http without TLS; without this only to localhost, 127.0.0.0/8 and [::1]'
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -l insecure -d 'Do not verify the registry\'s TLS certificate'
complete -c imgctl -n "__fish_imgctl_using_subcommand catalog" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l platform -d 'The image for this platform, where there are several' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l override-os -r
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l override-arch -r
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l override-variant -r
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -s f -l format -d 'Print json, jsonl, or a Go template such as \'{{.Digest}}\' or \'table {{.Name}}\'' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l config-file -r
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l progress -d 'How to show progress on stderr: bars on a terminal, one line per change of state, one JSON event a line, or not' -r -f -a "auto\t'bar on a terminal, else plain'
bar\t'bars that move'
plain\t'one line for each change of state'
json\t'one JSON event a line'
none\t'nothing'"
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l log-level -d 'Log to stderr from this level on' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -s j -l jobs -d 'How many blobs move at the same time [default: 4, and 8 where the registry is far away]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l per-host -d 'How many requests are in flight to one host at most, downloads until they are read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l range-split -d 'From how many ranges at once one large blob may be read where that is faster; 1 never splits' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l limit-rate -d 'How many bytes of blobs a second move at most, all together: 20M, 64KiB [default: no limit]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l min-rate -d 'How many bytes a second a registry sends at least while it is waited for, on average over --idle-timeout, before its answer is given up; 0 bears with everything' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l retries -d 'How often something is tried again that made no progress' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l retry-max-wait -d 'How long a registry may ask to be left alone before the command gives up' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l idle-timeout -d 'How long the other side may be silent: 30s, 2m, 500ms' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l timeout -d 'How long the whole command may take: 90s, 10m, 2h [default: as long as it takes]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l store -d 'Directory of the local store [default: imgctl/store in the user\'s data directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l creds -d 'Credentials for every registry of this command; asks for the password where there is none' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l src-creds -d 'Credentials for the registry that is read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l dest-creds -d 'Credentials for the registry that is written' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l authfile -d 'Read credentials from this file (docker\'s config.json or podman\'s auth.json) and nowhere else' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l allow-realm -d 'Token server that stored credentials may be sent to; may be repeated or a comma list' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l ca-file -d 'PEM file of certificates to trust beside the system\'s; may be repeated or a comma list' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l cert-file -d 'PEM file of the client certificate to show to registries' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l key-file -d 'PEM file of the client certificate\'s key' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l cert-dir -d 'Directory with the certificates of registries: HOST:PORT/*.crt to trust, *.cert and *.key to show; without a directory for the registry, its own files [default: the certs.d of podman and docker]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l src-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l dest-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -s n -l no-tags -d 'Do not list the repository\'s tags for RepoTags'
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l raw
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l config
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -s q -l quiet -d 'Print the result and errors only'
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -s v -l verbose -d 'Log what is done to stderr; -vv logs more, -vvv everything'
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l trace -d 'Log every HTTP request and answer to stderr, secrets redacted'
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l no-resume -d 'Start transfers from the beginning, and keep nothing of those that break off'
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l fsync -d 'Flush what the command writes to the disk before it appears: a power loss then takes nothing of that. What was there already is not flushed'
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l anonymous -d 'Use no credentials, even where some are given or stored'
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l plain-http -d 'Speak http without TLS; without this only to localhost, 127.0.0.0/8 and [::1]'
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -l insecure -d 'Do not verify the registry\'s TLS certificate'
complete -c imgctl -n "__fish_imgctl_using_subcommand inspect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l platform -d 'The image for this platform, where there are several' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l override-os -r
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l override-arch -r
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l override-variant -r
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l progress -d 'How to show progress on stderr: bars on a terminal, one line per change of state, one JSON event a line, or not' -r -f -a "auto\t'bar on a terminal, else plain'
bar\t'bars that move'
plain\t'one line for each change of state'
json\t'one JSON event a line'
none\t'nothing'"
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l log-level -d 'Log to stderr from this level on' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -s j -l jobs -d 'How many blobs move at the same time [default: 4, and 8 where the registry is far away]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l per-host -d 'How many requests are in flight to one host at most, downloads until they are read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l range-split -d 'From how many ranges at once one large blob may be read where that is faster; 1 never splits' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l limit-rate -d 'How many bytes of blobs a second move at most, all together: 20M, 64KiB [default: no limit]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l min-rate -d 'How many bytes a second a registry sends at least while it is waited for, on average over --idle-timeout, before its answer is given up; 0 bears with everything' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l retries -d 'How often something is tried again that made no progress' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l retry-max-wait -d 'How long a registry may ask to be left alone before the command gives up' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l idle-timeout -d 'How long the other side may be silent: 30s, 2m, 500ms' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l timeout -d 'How long the whole command may take: 90s, 10m, 2h [default: as long as it takes]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l store -d 'Directory of the local store [default: imgctl/store in the user\'s data directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l config -d 'File with keys for all these flags, globally and for single registries; an empty name reads none [default: imgctl/config.toml in the user\'s configuration directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l creds -d 'Credentials for every registry of this command; asks for the password where there is none' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l src-creds -d 'Credentials for the registry that is read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l dest-creds -d 'Credentials for the registry that is written' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l authfile -d 'Read credentials from this file (docker\'s config.json or podman\'s auth.json) and nowhere else' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l allow-realm -d 'Token server that stored credentials may be sent to; may be repeated or a comma list' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l ca-file -d 'PEM file of certificates to trust beside the system\'s; may be repeated or a comma list' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l cert-file -d 'PEM file of the client certificate to show to registries' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l key-file -d 'PEM file of the client certificate\'s key' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l cert-dir -d 'Directory with the certificates of registries: HOST:PORT/*.crt to trust, *.cert and *.key to show; without a directory for the registry, its own files [default: the certs.d of podman and docker]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l src-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l dest-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -s q -l quiet -d 'Print the result and errors only'
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -s v -l verbose -d 'Log what is done to stderr; -vv logs more, -vvv everything'
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l trace -d 'Log every HTTP request and answer to stderr, secrets redacted'
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l no-resume -d 'Start transfers from the beginning, and keep nothing of those that break off'
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l fsync -d 'Flush what the command writes to the disk before it appears: a power loss then takes nothing of that. What was there already is not flushed'
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l anonymous -d 'Use no credentials, even where some are given or stored'
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l plain-http -d 'Speak http without TLS; without this only to localhost, 127.0.0.0/8 and [::1]'
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -l insecure -d 'Do not verify the registry\'s TLS certificate'
complete -c imgctl -n "__fish_imgctl_using_subcommand manifest" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l platform -d 'The image for this platform, where there are several' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l override-os -r
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l override-arch -r
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l override-variant -r
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l progress -d 'How to show progress on stderr: bars on a terminal, one line per change of state, one JSON event a line, or not' -r -f -a "auto\t'bar on a terminal, else plain'
bar\t'bars that move'
plain\t'one line for each change of state'
json\t'one JSON event a line'
none\t'nothing'"
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l log-level -d 'Log to stderr from this level on' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -s j -l jobs -d 'How many blobs move at the same time [default: 4, and 8 where the registry is far away]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l per-host -d 'How many requests are in flight to one host at most, downloads until they are read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l range-split -d 'From how many ranges at once one large blob may be read where that is faster; 1 never splits' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l limit-rate -d 'How many bytes of blobs a second move at most, all together: 20M, 64KiB [default: no limit]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l min-rate -d 'How many bytes a second a registry sends at least while it is waited for, on average over --idle-timeout, before its answer is given up; 0 bears with everything' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l retries -d 'How often something is tried again that made no progress' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l retry-max-wait -d 'How long a registry may ask to be left alone before the command gives up' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l idle-timeout -d 'How long the other side may be silent: 30s, 2m, 500ms' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l timeout -d 'How long the whole command may take: 90s, 10m, 2h [default: as long as it takes]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l store -d 'Directory of the local store [default: imgctl/store in the user\'s data directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l config -d 'File with keys for all these flags, globally and for single registries; an empty name reads none [default: imgctl/config.toml in the user\'s configuration directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l creds -d 'Credentials for every registry of this command; asks for the password where there is none' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l src-creds -d 'Credentials for the registry that is read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l dest-creds -d 'Credentials for the registry that is written' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l authfile -d 'Read credentials from this file (docker\'s config.json or podman\'s auth.json) and nowhere else' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l allow-realm -d 'Token server that stored credentials may be sent to; may be repeated or a comma list' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l ca-file -d 'PEM file of certificates to trust beside the system\'s; may be repeated or a comma list' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l cert-file -d 'PEM file of the client certificate to show to registries' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l key-file -d 'PEM file of the client certificate\'s key' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l cert-dir -d 'Directory with the certificates of registries: HOST:PORT/*.crt to trust, *.cert and *.key to show; without a directory for the registry, its own files [default: the certs.d of podman and docker]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l src-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l dest-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -s q -l quiet -d 'Print the result and errors only'
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -s v -l verbose -d 'Log what is done to stderr; -vv logs more, -vvv everything'
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l trace -d 'Log every HTTP request and answer to stderr, secrets redacted'
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l no-resume -d 'Start transfers from the beginning, and keep nothing of those that break off'
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l fsync -d 'Flush what the command writes to the disk before it appears: a power loss then takes nothing of that. What was there already is not flushed'
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l anonymous -d 'Use no credentials, even where some are given or stored'
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l plain-http -d 'Speak http without TLS; without this only to localhost, 127.0.0.0/8 and [::1]'
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -l insecure -d 'Do not verify the registry\'s TLS certificate'
complete -c imgctl -n "__fish_imgctl_using_subcommand config" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l platform -d 'The image for this platform, where there are several' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l override-os -r
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l override-arch -r
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l override-variant -r
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l progress -d 'How to show progress on stderr: bars on a terminal, one line per change of state, one JSON event a line, or not' -r -f -a "auto\t'bar on a terminal, else plain'
bar\t'bars that move'
plain\t'one line for each change of state'
json\t'one JSON event a line'
none\t'nothing'"
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l log-level -d 'Log to stderr from this level on' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -s j -l jobs -d 'How many blobs move at the same time [default: 4, and 8 where the registry is far away]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l per-host -d 'How many requests are in flight to one host at most, downloads until they are read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l range-split -d 'From how many ranges at once one large blob may be read where that is faster; 1 never splits' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l limit-rate -d 'How many bytes of blobs a second move at most, all together: 20M, 64KiB [default: no limit]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l min-rate -d 'How many bytes a second a registry sends at least while it is waited for, on average over --idle-timeout, before its answer is given up; 0 bears with everything' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l retries -d 'How often something is tried again that made no progress' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l retry-max-wait -d 'How long a registry may ask to be left alone before the command gives up' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l idle-timeout -d 'How long the other side may be silent: 30s, 2m, 500ms' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l timeout -d 'How long the whole command may take: 90s, 10m, 2h [default: as long as it takes]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l store -d 'Directory of the local store [default: imgctl/store in the user\'s data directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l config -d 'File with keys for all these flags, globally and for single registries; an empty name reads none [default: imgctl/config.toml in the user\'s configuration directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l creds -d 'Credentials for every registry of this command; asks for the password where there is none' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l src-creds -d 'Credentials for the registry that is read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l dest-creds -d 'Credentials for the registry that is written' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l authfile -d 'Read credentials from this file (docker\'s config.json or podman\'s auth.json) and nowhere else' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l allow-realm -d 'Token server that stored credentials may be sent to; may be repeated or a comma list' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l ca-file -d 'PEM file of certificates to trust beside the system\'s; may be repeated or a comma list' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l cert-file -d 'PEM file of the client certificate to show to registries' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l key-file -d 'PEM file of the client certificate\'s key' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l cert-dir -d 'Directory with the certificates of registries: HOST:PORT/*.crt to trust, *.cert and *.key to show; without a directory for the registry, its own files [default: the certs.d of podman and docker]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l src-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l dest-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -s q -l quiet -d 'Print the result and errors only'
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -s v -l verbose -d 'Log what is done to stderr; -vv logs more, -vvv everything'
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l trace -d 'Log every HTTP request and answer to stderr, secrets redacted'
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l no-resume -d 'Start transfers from the beginning, and keep nothing of those that break off'
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l fsync -d 'Flush what the command writes to the disk before it appears: a power loss then takes nothing of that. What was there already is not flushed'
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l anonymous -d 'Use no credentials, even where some are given or stored'
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l plain-http -d 'Speak http without TLS; without this only to localhost, 127.0.0.0/8 and [::1]'
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -l insecure -d 'Do not verify the registry\'s TLS certificate'
complete -c imgctl -n "__fish_imgctl_using_subcommand digest" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -s f -l filter -d 'Only images that match: dangling=true|false, label=KEY[=VALUE], before=IMAGE, since=IMAGE, reference=PATTERN' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l format -d 'Print json, table, or a Go template such as \'{{.Repository}}:{{.Tag}}\' or \'table {{.ID}}\'' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l progress -d 'How to show progress on stderr: bars on a terminal, one line per change of state, one JSON event a line, or not' -r -f -a "auto\t'bar on a terminal, else plain'
bar\t'bars that move'
plain\t'one line for each change of state'
json\t'one JSON event a line'
none\t'nothing'"
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l log-level -d 'Log to stderr from this level on' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -s j -l jobs -d 'How many blobs move at the same time [default: 4, and 8 where the registry is far away]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l per-host -d 'How many requests are in flight to one host at most, downloads until they are read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l range-split -d 'From how many ranges at once one large blob may be read where that is faster; 1 never splits' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l limit-rate -d 'How many bytes of blobs a second move at most, all together: 20M, 64KiB [default: no limit]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l min-rate -d 'How many bytes a second a registry sends at least while it is waited for, on average over --idle-timeout, before its answer is given up; 0 bears with everything' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l retries -d 'How often something is tried again that made no progress' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l retry-max-wait -d 'How long a registry may ask to be left alone before the command gives up' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l idle-timeout -d 'How long the other side may be silent: 30s, 2m, 500ms' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l timeout -d 'How long the whole command may take: 90s, 10m, 2h [default: as long as it takes]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l store -d 'Directory of the local store [default: imgctl/store in the user\'s data directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l config -d 'File with keys for all these flags, globally and for single registries; an empty name reads none [default: imgctl/config.toml in the user\'s configuration directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l creds -d 'Credentials for every registry of this command; asks for the password where there is none' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l src-creds -d 'Credentials for the registry that is read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l dest-creds -d 'Credentials for the registry that is written' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l authfile -d 'Read credentials from this file (docker\'s config.json or podman\'s auth.json) and nowhere else' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l allow-realm -d 'Token server that stored credentials may be sent to; may be repeated or a comma list' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l ca-file -d 'PEM file of certificates to trust beside the system\'s; may be repeated or a comma list' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l cert-file -d 'PEM file of the client certificate to show to registries' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l key-file -d 'PEM file of the client certificate\'s key' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l cert-dir -d 'Directory with the certificates of registries: HOST:PORT/*.crt to trust, *.cert and *.key to show; without a directory for the registry, its own files [default: the certs.d of podman and docker]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l src-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l dest-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -s a -l all -d 'Also list what only describes other images (signatures, attestations)'
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l digests -d 'Show digests'
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l no-trunc -d 'Show whole ids'
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -s q -l quiet -d 'Print the result and errors only'
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -s v -l verbose -d 'Log what is done to stderr; -vv logs more, -vvv everything'
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l trace -d 'Log every HTTP request and answer to stderr, secrets redacted'
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l no-resume -d 'Start transfers from the beginning, and keep nothing of those that break off'
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l fsync -d 'Flush what the command writes to the disk before it appears: a power loss then takes nothing of that. What was there already is not flushed'
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l anonymous -d 'Use no credentials, even where some are given or stored'
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l plain-http -d 'Speak http without TLS; without this only to localhost, 127.0.0.0/8 and [::1]'
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -l insecure -d 'Do not verify the registry\'s TLS certificate'
complete -c imgctl -n "__fish_imgctl_using_subcommand images" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -l progress -d 'How to show progress on stderr: bars on a terminal, one line per change of state, one JSON event a line, or not' -r -f -a "auto\t'bar on a terminal, else plain'
bar\t'bars that move'
plain\t'one line for each change of state'
json\t'one JSON event a line'
none\t'nothing'"
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -l log-level -d 'Log to stderr from this level on' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -s j -l jobs -d 'How many blobs move at the same time [default: 4, and 8 where the registry is far away]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -l per-host -d 'How many requests are in flight to one host at most, downloads until they are read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -l range-split -d 'From how many ranges at once one large blob may be read where that is faster; 1 never splits' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -l limit-rate -d 'How many bytes of blobs a second move at most, all together: 20M, 64KiB [default: no limit]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -l min-rate -d 'How many bytes a second a registry sends at least while it is waited for, on average over --idle-timeout, before its answer is given up; 0 bears with everything' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -l retries -d 'How often something is tried again that made no progress' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -l retry-max-wait -d 'How long a registry may ask to be left alone before the command gives up' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -l idle-timeout -d 'How long the other side may be silent: 30s, 2m, 500ms' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -l timeout -d 'How long the whole command may take: 90s, 10m, 2h [default: as long as it takes]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -l store -d 'Directory of the local store [default: imgctl/store in the user\'s data directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -l config -d 'File with keys for all these flags, globally and for single registries; an empty name reads none [default: imgctl/config.toml in the user\'s configuration directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -l creds -d 'Credentials for every registry of this command; asks for the password where there is none' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -l src-creds -d 'Credentials for the registry that is read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -l dest-creds -d 'Credentials for the registry that is written' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -l authfile -d 'Read credentials from this file (docker\'s config.json or podman\'s auth.json) and nowhere else' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -l allow-realm -d 'Token server that stored credentials may be sent to; may be repeated or a comma list' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -l ca-file -d 'PEM file of certificates to trust beside the system\'s; may be repeated or a comma list' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -l cert-file -d 'PEM file of the client certificate to show to registries' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -l key-file -d 'PEM file of the client certificate\'s key' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -l cert-dir -d 'Directory with the certificates of registries: HOST:PORT/*.crt to trust, *.cert and *.key to show; without a directory for the registry, its own files [default: the certs.d of podman and docker]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -l tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -l src-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -l dest-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -s q -l quiet -d 'Print the result and errors only'
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -s v -l verbose -d 'Log what is done to stderr; -vv logs more, -vvv everything'
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -l trace -d 'Log every HTTP request and answer to stderr, secrets redacted'
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -l no-resume -d 'Start transfers from the beginning, and keep nothing of those that break off'
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -l fsync -d 'Flush what the command writes to the disk before it appears: a power loss then takes nothing of that. What was there already is not flushed'
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -l anonymous -d 'Use no credentials, even where some are given or stored'
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -l plain-http -d 'Speak http without TLS; without this only to localhost, 127.0.0.0/8 and [::1]'
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -l insecure -d 'Do not verify the registry\'s TLS certificate'
complete -c imgctl -n "__fish_imgctl_using_subcommand tag" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -l progress -d 'How to show progress on stderr: bars on a terminal, one line per change of state, one JSON event a line, or not' -r -f -a "auto\t'bar on a terminal, else plain'
bar\t'bars that move'
plain\t'one line for each change of state'
json\t'one JSON event a line'
none\t'nothing'"
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -l log-level -d 'Log to stderr from this level on' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -s j -l jobs -d 'How many blobs move at the same time [default: 4, and 8 where the registry is far away]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -l per-host -d 'How many requests are in flight to one host at most, downloads until they are read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -l range-split -d 'From how many ranges at once one large blob may be read where that is faster; 1 never splits' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -l limit-rate -d 'How many bytes of blobs a second move at most, all together: 20M, 64KiB [default: no limit]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -l min-rate -d 'How many bytes a second a registry sends at least while it is waited for, on average over --idle-timeout, before its answer is given up; 0 bears with everything' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -l retries -d 'How often something is tried again that made no progress' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -l retry-max-wait -d 'How long a registry may ask to be left alone before the command gives up' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -l idle-timeout -d 'How long the other side may be silent: 30s, 2m, 500ms' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -l timeout -d 'How long the whole command may take: 90s, 10m, 2h [default: as long as it takes]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -l store -d 'Directory of the local store [default: imgctl/store in the user\'s data directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -l config -d 'File with keys for all these flags, globally and for single registries; an empty name reads none [default: imgctl/config.toml in the user\'s configuration directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -l creds -d 'Credentials for every registry of this command; asks for the password where there is none' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -l src-creds -d 'Credentials for the registry that is read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -l dest-creds -d 'Credentials for the registry that is written' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -l authfile -d 'Read credentials from this file (docker\'s config.json or podman\'s auth.json) and nowhere else' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -l allow-realm -d 'Token server that stored credentials may be sent to; may be repeated or a comma list' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -l ca-file -d 'PEM file of certificates to trust beside the system\'s; may be repeated or a comma list' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -l cert-file -d 'PEM file of the client certificate to show to registries' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -l key-file -d 'PEM file of the client certificate\'s key' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -l cert-dir -d 'Directory with the certificates of registries: HOST:PORT/*.crt to trust, *.cert and *.key to show; without a directory for the registry, its own files [default: the certs.d of podman and docker]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -l tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -l src-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -l dest-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -s f -l force -d 'Remove all names of an image given by its id; an image that is not there is no failure'
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -s q -l quiet -d 'Print the result and errors only'
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -s v -l verbose -d 'Log what is done to stderr; -vv logs more, -vvv everything'
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -l trace -d 'Log every HTTP request and answer to stderr, secrets redacted'
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -l no-resume -d 'Start transfers from the beginning, and keep nothing of those that break off'
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -l fsync -d 'Flush what the command writes to the disk before it appears: a power loss then takes nothing of that. What was there already is not flushed'
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -l anonymous -d 'Use no credentials, even where some are given or stored'
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -l plain-http -d 'Speak http without TLS; without this only to localhost, 127.0.0.0/8 and [::1]'
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -l insecure -d 'Do not verify the registry\'s TLS certificate'
complete -c imgctl -n "__fish_imgctl_using_subcommand rmi" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -l progress -d 'How to show progress on stderr: bars on a terminal, one line per change of state, one JSON event a line, or not' -r -f -a "auto\t'bar on a terminal, else plain'
bar\t'bars that move'
plain\t'one line for each change of state'
json\t'one JSON event a line'
none\t'nothing'"
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -l log-level -d 'Log to stderr from this level on' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -s j -l jobs -d 'How many blobs move at the same time [default: 4, and 8 where the registry is far away]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -l per-host -d 'How many requests are in flight to one host at most, downloads until they are read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -l range-split -d 'From how many ranges at once one large blob may be read where that is faster; 1 never splits' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -l limit-rate -d 'How many bytes of blobs a second move at most, all together: 20M, 64KiB [default: no limit]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -l min-rate -d 'How many bytes a second a registry sends at least while it is waited for, on average over --idle-timeout, before its answer is given up; 0 bears with everything' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -l retries -d 'How often something is tried again that made no progress' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -l retry-max-wait -d 'How long a registry may ask to be left alone before the command gives up' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -l idle-timeout -d 'How long the other side may be silent: 30s, 2m, 500ms' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -l timeout -d 'How long the whole command may take: 90s, 10m, 2h [default: as long as it takes]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -l store -d 'Directory of the local store [default: imgctl/store in the user\'s data directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -l config -d 'File with keys for all these flags, globally and for single registries; an empty name reads none [default: imgctl/config.toml in the user\'s configuration directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -l creds -d 'Credentials for every registry of this command; asks for the password where there is none' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -l src-creds -d 'Credentials for the registry that is read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -l dest-creds -d 'Credentials for the registry that is written' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -l authfile -d 'Read credentials from this file (docker\'s config.json or podman\'s auth.json) and nowhere else' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -l allow-realm -d 'Token server that stored credentials may be sent to; may be repeated or a comma list' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -l ca-file -d 'PEM file of certificates to trust beside the system\'s; may be repeated or a comma list' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -l cert-file -d 'PEM file of the client certificate to show to registries' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -l key-file -d 'PEM file of the client certificate\'s key' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -l cert-dir -d 'Directory with the certificates of registries: HOST:PORT/*.crt to trust, *.cert and *.key to show; without a directory for the registry, its own files [default: the certs.d of podman and docker]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -l tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -l src-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -l dest-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -s q -l quiet -d 'Print the result and errors only'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -s v -l verbose -d 'Log what is done to stderr; -vv logs more, -vvv everything'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -l trace -d 'Log every HTTP request and answer to stderr, secrets redacted'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -l no-resume -d 'Start transfers from the beginning, and keep nothing of those that break off'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -l fsync -d 'Flush what the command writes to the disk before it appears: a power loss then takes nothing of that. What was there already is not flushed'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -l anonymous -d 'Use no credentials, even where some are given or stored'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -l plain-http -d 'Speak http without TLS; without this only to localhost, 127.0.0.0/8 and [::1]'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -l insecure -d 'Do not verify the registry\'s TLS certificate'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -f -a "ls" -d 'List unfinished transfers'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -f -a "list" -d 'List unfinished transfers'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and not __fish_seen_subcommand_from ls list rm" -f -a "rm" -d 'Remove unfinished transfers'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l format -d 'Print json, table, or a Go template such as \'{{.Digest}} {{.Done}}\'' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l progress -d 'How to show progress on stderr: bars on a terminal, one line per change of state, one JSON event a line, or not' -r -f -a "auto\t'bar on a terminal, else plain'
bar\t'bars that move'
plain\t'one line for each change of state'
json\t'one JSON event a line'
none\t'nothing'"
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l log-level -d 'Log to stderr from this level on' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -s j -l jobs -d 'How many blobs move at the same time [default: 4, and 8 where the registry is far away]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l per-host -d 'How many requests are in flight to one host at most, downloads until they are read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l range-split -d 'From how many ranges at once one large blob may be read where that is faster; 1 never splits' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l limit-rate -d 'How many bytes of blobs a second move at most, all together: 20M, 64KiB [default: no limit]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l min-rate -d 'How many bytes a second a registry sends at least while it is waited for, on average over --idle-timeout, before its answer is given up; 0 bears with everything' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l retries -d 'How often something is tried again that made no progress' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l retry-max-wait -d 'How long a registry may ask to be left alone before the command gives up' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l idle-timeout -d 'How long the other side may be silent: 30s, 2m, 500ms' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l timeout -d 'How long the whole command may take: 90s, 10m, 2h [default: as long as it takes]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l store -d 'Directory of the local store [default: imgctl/store in the user\'s data directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l config -d 'File with keys for all these flags, globally and for single registries; an empty name reads none [default: imgctl/config.toml in the user\'s configuration directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l creds -d 'Credentials for every registry of this command; asks for the password where there is none' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l src-creds -d 'Credentials for the registry that is read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l dest-creds -d 'Credentials for the registry that is written' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l authfile -d 'Read credentials from this file (docker\'s config.json or podman\'s auth.json) and nowhere else' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l allow-realm -d 'Token server that stored credentials may be sent to; may be repeated or a comma list' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l ca-file -d 'PEM file of certificates to trust beside the system\'s; may be repeated or a comma list' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l cert-file -d 'PEM file of the client certificate to show to registries' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l key-file -d 'PEM file of the client certificate\'s key' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l cert-dir -d 'Directory with the certificates of registries: HOST:PORT/*.crt to trust, *.cert and *.key to show; without a directory for the registry, its own files [default: the certs.d of podman and docker]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l src-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l dest-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l no-trunc -d 'Show whole digests'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -s q -l quiet -d 'Print the result and errors only'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -s v -l verbose -d 'Log what is done to stderr; -vv logs more, -vvv everything'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l trace -d 'Log every HTTP request and answer to stderr, secrets redacted'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l no-resume -d 'Start transfers from the beginning, and keep nothing of those that break off'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l fsync -d 'Flush what the command writes to the disk before it appears: a power loss then takes nothing of that. What was there already is not flushed'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l anonymous -d 'Use no credentials, even where some are given or stored'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l plain-http -d 'Speak http without TLS; without this only to localhost, 127.0.0.0/8 and [::1]'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -l insecure -d 'Do not verify the registry\'s TLS certificate'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l format -d 'Print json, table, or a Go template such as \'{{.Digest}} {{.Done}}\'' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l progress -d 'How to show progress on stderr: bars on a terminal, one line per change of state, one JSON event a line, or not' -r -f -a "auto\t'bar on a terminal, else plain'
bar\t'bars that move'
plain\t'one line for each change of state'
json\t'one JSON event a line'
none\t'nothing'"
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l log-level -d 'Log to stderr from this level on' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -s j -l jobs -d 'How many blobs move at the same time [default: 4, and 8 where the registry is far away]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l per-host -d 'How many requests are in flight to one host at most, downloads until they are read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l range-split -d 'From how many ranges at once one large blob may be read where that is faster; 1 never splits' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l limit-rate -d 'How many bytes of blobs a second move at most, all together: 20M, 64KiB [default: no limit]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l min-rate -d 'How many bytes a second a registry sends at least while it is waited for, on average over --idle-timeout, before its answer is given up; 0 bears with everything' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l retries -d 'How often something is tried again that made no progress' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l retry-max-wait -d 'How long a registry may ask to be left alone before the command gives up' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l idle-timeout -d 'How long the other side may be silent: 30s, 2m, 500ms' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l timeout -d 'How long the whole command may take: 90s, 10m, 2h [default: as long as it takes]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l store -d 'Directory of the local store [default: imgctl/store in the user\'s data directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l config -d 'File with keys for all these flags, globally and for single registries; an empty name reads none [default: imgctl/config.toml in the user\'s configuration directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l creds -d 'Credentials for every registry of this command; asks for the password where there is none' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l src-creds -d 'Credentials for the registry that is read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l dest-creds -d 'Credentials for the registry that is written' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l authfile -d 'Read credentials from this file (docker\'s config.json or podman\'s auth.json) and nowhere else' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l allow-realm -d 'Token server that stored credentials may be sent to; may be repeated or a comma list' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l ca-file -d 'PEM file of certificates to trust beside the system\'s; may be repeated or a comma list' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l cert-file -d 'PEM file of the client certificate to show to registries' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l key-file -d 'PEM file of the client certificate\'s key' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l cert-dir -d 'Directory with the certificates of registries: HOST:PORT/*.crt to trust, *.cert and *.key to show; without a directory for the registry, its own files [default: the certs.d of podman and docker]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l src-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l dest-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l no-trunc -d 'Show whole digests'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print the result and errors only'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Log what is done to stderr; -vv logs more, -vvv everything'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l trace -d 'Log every HTTP request and answer to stderr, secrets redacted'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l no-resume -d 'Start transfers from the beginning, and keep nothing of those that break off'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l fsync -d 'Flush what the command writes to the disk before it appears: a power loss then takes nothing of that. What was there already is not flushed'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l anonymous -d 'Use no credentials, even where some are given or stored'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l plain-http -d 'Speak http without TLS; without this only to localhost, 127.0.0.0/8 and [::1]'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -l insecure -d 'Do not verify the registry\'s TLS certificate'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l progress -d 'How to show progress on stderr: bars on a terminal, one line per change of state, one JSON event a line, or not' -r -f -a "auto\t'bar on a terminal, else plain'
bar\t'bars that move'
plain\t'one line for each change of state'
json\t'one JSON event a line'
none\t'nothing'"
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l log-level -d 'Log to stderr from this level on' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -s j -l jobs -d 'How many blobs move at the same time [default: 4, and 8 where the registry is far away]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l per-host -d 'How many requests are in flight to one host at most, downloads until they are read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l range-split -d 'From how many ranges at once one large blob may be read where that is faster; 1 never splits' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l limit-rate -d 'How many bytes of blobs a second move at most, all together: 20M, 64KiB [default: no limit]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l min-rate -d 'How many bytes a second a registry sends at least while it is waited for, on average over --idle-timeout, before its answer is given up; 0 bears with everything' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l retries -d 'How often something is tried again that made no progress' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l retry-max-wait -d 'How long a registry may ask to be left alone before the command gives up' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l idle-timeout -d 'How long the other side may be silent: 30s, 2m, 500ms' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l timeout -d 'How long the whole command may take: 90s, 10m, 2h [default: as long as it takes]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l store -d 'Directory of the local store [default: imgctl/store in the user\'s data directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l config -d 'File with keys for all these flags, globally and for single registries; an empty name reads none [default: imgctl/config.toml in the user\'s configuration directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l creds -d 'Credentials for every registry of this command; asks for the password where there is none' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l src-creds -d 'Credentials for the registry that is read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l dest-creds -d 'Credentials for the registry that is written' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l authfile -d 'Read credentials from this file (docker\'s config.json or podman\'s auth.json) and nowhere else' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l allow-realm -d 'Token server that stored credentials may be sent to; may be repeated or a comma list' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l ca-file -d 'PEM file of certificates to trust beside the system\'s; may be repeated or a comma list' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l cert-file -d 'PEM file of the client certificate to show to registries' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l key-file -d 'PEM file of the client certificate\'s key' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l cert-dir -d 'Directory with the certificates of registries: HOST:PORT/*.crt to trust, *.cert and *.key to show; without a directory for the registry, its own files [default: the certs.d of podman and docker]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l src-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l dest-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l all -d 'Remove all that no command is at'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -s q -l quiet -d 'Print the result and errors only'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -s v -l verbose -d 'Log what is done to stderr; -vv logs more, -vvv everything'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l trace -d 'Log every HTTP request and answer to stderr, secrets redacted'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l no-resume -d 'Start transfers from the beginning, and keep nothing of those that break off'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l fsync -d 'Flush what the command writes to the disk before it appears: a power loss then takes nothing of that. What was there already is not flushed'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l anonymous -d 'Use no credentials, even where some are given or stored'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l plain-http -d 'Speak http without TLS; without this only to localhost, 127.0.0.0/8 and [::1]'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -l insecure -d 'Do not verify the registry\'s TLS certificate'
complete -c imgctl -n "__fish_imgctl_using_subcommand transfers; and __fish_seen_subcommand_from rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l listen -d 'Listen here: HOST:PORT, of which port 0 means any free one, or unix:PATH' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l upstream -d 'Fetch what the store lacks from this registry, and keep it; may be repeated or a comma list. Whoever may pull here gets what your credentials there may read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l log-format -d 'How to write the access log to stderr' -r -f -a "text\t'TIME PEER USER "METHOD PATH" STATUS BYTES DURATION'
json\t'one JSON object a line'"
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l htpasswd -d 'Ask for user and password, as `htpasswd -B` writes them to this file; it is read again when it changes' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l tls-cert -d 'Speak TLS with the certificate chain in this PEM file; it is read again when it changes' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l tls-key -d 'PEM file of the certificate\'s key' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l header-timeout -d 'How long a client may take for the head of a request, and for the TLS handshake' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l body-timeout -d 'How long a client may send or take nothing of a body' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l max-connections -d 'Connections at a time' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l max-manifest-size -d 'Largest manifest that is taken: 4MB, 4MiB' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l max-blob-size -d 'Largest blob that is taken [default: what the disk has room for]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l max-uploads -d 'Uploads that are open at a time' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l upload-expiry -d 'How long an upload is kept after its last byte' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l quota -d 'Bytes that the store may hold, uploads included: 20G, 500MiB [default: what the disk has room for]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l grace -d 'How long running requests may go on when the server is asked to stop' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l progress -d 'How to show progress on stderr: bars on a terminal, one line per change of state, one JSON event a line, or not' -r -f -a "auto\t'bar on a terminal, else plain'
bar\t'bars that move'
plain\t'one line for each change of state'
json\t'one JSON event a line'
none\t'nothing'"
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l log-level -d 'Log to stderr from this level on' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -s j -l jobs -d 'How many blobs move at the same time [default: 4, and 8 where the registry is far away]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l per-host -d 'How many requests are in flight to one host at most, downloads until they are read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l range-split -d 'From how many ranges at once one large blob may be read where that is faster; 1 never splits' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l limit-rate -d 'How many bytes of blobs a second move at most, all together: 20M, 64KiB [default: no limit]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l min-rate -d 'How many bytes a second a registry sends at least while it is waited for, on average over --idle-timeout, before its answer is given up; 0 bears with everything' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l retries -d 'How often something is tried again that made no progress' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l retry-max-wait -d 'How long a registry may ask to be left alone before the command gives up' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l idle-timeout -d 'How long the other side may be silent: 30s, 2m, 500ms' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l timeout -d 'How long the whole command may take: 90s, 10m, 2h [default: as long as it takes]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l store -d 'Directory of the local store [default: imgctl/store in the user\'s data directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l config -d 'File with keys for all these flags, globally and for single registries; an empty name reads none [default: imgctl/config.toml in the user\'s configuration directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l creds -d 'Credentials for every registry of this command; asks for the password where there is none' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l src-creds -d 'Credentials for the registry that is read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l dest-creds -d 'Credentials for the registry that is written' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l authfile -d 'Read credentials from this file (docker\'s config.json or podman\'s auth.json) and nowhere else' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l allow-realm -d 'Token server that stored credentials may be sent to; may be repeated or a comma list' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l ca-file -d 'PEM file of certificates to trust beside the system\'s; may be repeated or a comma list' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l cert-file -d 'PEM file of the client certificate to show to registries' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l key-file -d 'PEM file of the client certificate\'s key' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l cert-dir -d 'Directory with the certificates of registries: HOST:PORT/*.crt to trust, *.cert and *.key to show; without a directory for the registry, its own files [default: the certs.d of podman and docker]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l src-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l dest-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l read-only -d 'Take no pushes'
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l allow-delete -d 'Let clients delete manifests, tags and blobs'
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l strict -d 'Refuse manifests that name blobs which were not pushed'
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l offline -d 'Ask no upstream: serve what was fetched before'
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l tls-self-signed -d 'Speak TLS with a certificate of our own, which is made once and kept in the user\'s data directory'
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -s q -l quiet -d 'Print the result and errors only'
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -s v -l verbose -d 'Log what is done to stderr; -vv logs more, -vvv everything'
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l trace -d 'Log every HTTP request and answer to stderr, secrets redacted'
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l no-resume -d 'Start transfers from the beginning, and keep nothing of those that break off'
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l fsync -d 'Flush what the command writes to the disk before it appears: a power loss then takes nothing of that. What was there already is not flushed'
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l anonymous -d 'Use no credentials, even where some are given or stored'
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l plain-http -d 'Speak http without TLS; without this only to localhost, 127.0.0.0/8 and [::1]'
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -l insecure -d 'Do not verify the registry\'s TLS certificate'
complete -c imgctl -n "__fish_imgctl_using_subcommand serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -s u -l username -d 'User name' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -s p -l password -d 'Password or token; other users of this machine can see it' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l progress -d 'How to show progress on stderr: bars on a terminal, one line per change of state, one JSON event a line, or not' -r -f -a "auto\t'bar on a terminal, else plain'
bar\t'bars that move'
plain\t'one line for each change of state'
json\t'one JSON event a line'
none\t'nothing'"
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l log-level -d 'Log to stderr from this level on' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -s j -l jobs -d 'How many blobs move at the same time [default: 4, and 8 where the registry is far away]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l per-host -d 'How many requests are in flight to one host at most, downloads until they are read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l range-split -d 'From how many ranges at once one large blob may be read where that is faster; 1 never splits' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l limit-rate -d 'How many bytes of blobs a second move at most, all together: 20M, 64KiB [default: no limit]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l min-rate -d 'How many bytes a second a registry sends at least while it is waited for, on average over --idle-timeout, before its answer is given up; 0 bears with everything' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l retries -d 'How often something is tried again that made no progress' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l retry-max-wait -d 'How long a registry may ask to be left alone before the command gives up' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l idle-timeout -d 'How long the other side may be silent: 30s, 2m, 500ms' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l timeout -d 'How long the whole command may take: 90s, 10m, 2h [default: as long as it takes]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l store -d 'Directory of the local store [default: imgctl/store in the user\'s data directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l config -d 'File with keys for all these flags, globally and for single registries; an empty name reads none [default: imgctl/config.toml in the user\'s configuration directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l creds -d 'Credentials for every registry of this command; asks for the password where there is none' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l src-creds -d 'Credentials for the registry that is read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l dest-creds -d 'Credentials for the registry that is written' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l authfile -d 'Read credentials from this file (docker\'s config.json or podman\'s auth.json) and nowhere else' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l allow-realm -d 'Token server that stored credentials may be sent to; may be repeated or a comma list' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l ca-file -d 'PEM file of certificates to trust beside the system\'s; may be repeated or a comma list' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l cert-file -d 'PEM file of the client certificate to show to registries' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l key-file -d 'PEM file of the client certificate\'s key' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l cert-dir -d 'Directory with the certificates of registries: HOST:PORT/*.crt to trust, *.cert and *.key to show; without a directory for the registry, its own files [default: the certs.d of podman and docker]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l src-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l dest-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l password-stdin -d 'Take the password from stdin'
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l get-login -d 'Print the user name that is logged in, and do nothing else'
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -s q -l quiet -d 'Print the result and errors only'
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -s v -l verbose -d 'Log what is done to stderr; -vv logs more, -vvv everything'
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l trace -d 'Log every HTTP request and answer to stderr, secrets redacted'
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l no-resume -d 'Start transfers from the beginning, and keep nothing of those that break off'
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l fsync -d 'Flush what the command writes to the disk before it appears: a power loss then takes nothing of that. What was there already is not flushed'
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l anonymous -d 'Use no credentials, even where some are given or stored'
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l plain-http -d 'Speak http without TLS; without this only to localhost, 127.0.0.0/8 and [::1]'
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -l insecure -d 'Do not verify the registry\'s TLS certificate'
complete -c imgctl -n "__fish_imgctl_using_subcommand login" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -l progress -d 'How to show progress on stderr: bars on a terminal, one line per change of state, one JSON event a line, or not' -r -f -a "auto\t'bar on a terminal, else plain'
bar\t'bars that move'
plain\t'one line for each change of state'
json\t'one JSON event a line'
none\t'nothing'"
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -l log-level -d 'Log to stderr from this level on' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -s j -l jobs -d 'How many blobs move at the same time [default: 4, and 8 where the registry is far away]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -l per-host -d 'How many requests are in flight to one host at most, downloads until they are read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -l range-split -d 'From how many ranges at once one large blob may be read where that is faster; 1 never splits' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -l limit-rate -d 'How many bytes of blobs a second move at most, all together: 20M, 64KiB [default: no limit]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -l min-rate -d 'How many bytes a second a registry sends at least while it is waited for, on average over --idle-timeout, before its answer is given up; 0 bears with everything' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -l retries -d 'How often something is tried again that made no progress' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -l retry-max-wait -d 'How long a registry may ask to be left alone before the command gives up' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -l idle-timeout -d 'How long the other side may be silent: 30s, 2m, 500ms' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -l timeout -d 'How long the whole command may take: 90s, 10m, 2h [default: as long as it takes]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -l store -d 'Directory of the local store [default: imgctl/store in the user\'s data directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -l config -d 'File with keys for all these flags, globally and for single registries; an empty name reads none [default: imgctl/config.toml in the user\'s configuration directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -l creds -d 'Credentials for every registry of this command; asks for the password where there is none' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -l src-creds -d 'Credentials for the registry that is read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -l dest-creds -d 'Credentials for the registry that is written' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -l authfile -d 'Read credentials from this file (docker\'s config.json or podman\'s auth.json) and nowhere else' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -l allow-realm -d 'Token server that stored credentials may be sent to; may be repeated or a comma list' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -l ca-file -d 'PEM file of certificates to trust beside the system\'s; may be repeated or a comma list' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -l cert-file -d 'PEM file of the client certificate to show to registries' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -l key-file -d 'PEM file of the client certificate\'s key' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -l cert-dir -d 'Directory with the certificates of registries: HOST:PORT/*.crt to trust, *.cert and *.key to show; without a directory for the registry, its own files [default: the certs.d of podman and docker]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -l tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -l src-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -l dest-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -s q -l quiet -d 'Print the result and errors only'
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -s v -l verbose -d 'Log what is done to stderr; -vv logs more, -vvv everything'
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -l trace -d 'Log every HTTP request and answer to stderr, secrets redacted'
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -l no-resume -d 'Start transfers from the beginning, and keep nothing of those that break off'
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -l fsync -d 'Flush what the command writes to the disk before it appears: a power loss then takes nothing of that. What was there already is not flushed'
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -l anonymous -d 'Use no credentials, even where some are given or stored'
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -l plain-http -d 'Speak http without TLS; without this only to localhost, 127.0.0.0/8 and [::1]'
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -l insecure -d 'Do not verify the registry\'s TLS certificate'
complete -c imgctl -n "__fish_imgctl_using_subcommand logout" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -l progress -d 'How to show progress on stderr: bars on a terminal, one line per change of state, one JSON event a line, or not' -r -f -a "auto\t'bar on a terminal, else plain'
bar\t'bars that move'
plain\t'one line for each change of state'
json\t'one JSON event a line'
none\t'nothing'"
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -l log-level -d 'Log to stderr from this level on' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -s j -l jobs -d 'How many blobs move at the same time [default: 4, and 8 where the registry is far away]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -l per-host -d 'How many requests are in flight to one host at most, downloads until they are read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -l range-split -d 'From how many ranges at once one large blob may be read where that is faster; 1 never splits' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -l limit-rate -d 'How many bytes of blobs a second move at most, all together: 20M, 64KiB [default: no limit]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -l min-rate -d 'How many bytes a second a registry sends at least while it is waited for, on average over --idle-timeout, before its answer is given up; 0 bears with everything' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -l retries -d 'How often something is tried again that made no progress' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -l retry-max-wait -d 'How long a registry may ask to be left alone before the command gives up' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -l idle-timeout -d 'How long the other side may be silent: 30s, 2m, 500ms' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -l timeout -d 'How long the whole command may take: 90s, 10m, 2h [default: as long as it takes]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -l store -d 'Directory of the local store [default: imgctl/store in the user\'s data directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -l config -d 'File with keys for all these flags, globally and for single registries; an empty name reads none [default: imgctl/config.toml in the user\'s configuration directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -l creds -d 'Credentials for every registry of this command; asks for the password where there is none' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -l src-creds -d 'Credentials for the registry that is read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -l dest-creds -d 'Credentials for the registry that is written' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -l authfile -d 'Read credentials from this file (docker\'s config.json or podman\'s auth.json) and nowhere else' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -l allow-realm -d 'Token server that stored credentials may be sent to; may be repeated or a comma list' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -l ca-file -d 'PEM file of certificates to trust beside the system\'s; may be repeated or a comma list' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -l cert-file -d 'PEM file of the client certificate to show to registries' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -l key-file -d 'PEM file of the client certificate\'s key' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -l cert-dir -d 'Directory with the certificates of registries: HOST:PORT/*.crt to trust, *.cert and *.key to show; without a directory for the registry, its own files [default: the certs.d of podman and docker]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -l tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -l src-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -l dest-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -s q -l quiet -d 'Print the result and errors only'
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -s v -l verbose -d 'Log what is done to stderr; -vv logs more, -vvv everything'
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -l trace -d 'Log every HTTP request and answer to stderr, secrets redacted'
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -l no-resume -d 'Start transfers from the beginning, and keep nothing of those that break off'
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -l fsync -d 'Flush what the command writes to the disk before it appears: a power loss then takes nothing of that. What was there already is not flushed'
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -l anonymous -d 'Use no credentials, even where some are given or stored'
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -l plain-http -d 'Speak http without TLS; without this only to localhost, 127.0.0.0/8 and [::1]'
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -l insecure -d 'Do not verify the registry\'s TLS certificate'
complete -c imgctl -n "__fish_imgctl_using_subcommand completion" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -l progress -d 'How to show progress on stderr: bars on a terminal, one line per change of state, one JSON event a line, or not' -r -f -a "auto\t'bar on a terminal, else plain'
bar\t'bars that move'
plain\t'one line for each change of state'
json\t'one JSON event a line'
none\t'nothing'"
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -l log-level -d 'Log to stderr from this level on' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -s j -l jobs -d 'How many blobs move at the same time [default: 4, and 8 where the registry is far away]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -l per-host -d 'How many requests are in flight to one host at most, downloads until they are read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -l range-split -d 'From how many ranges at once one large blob may be read where that is faster; 1 never splits' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -l limit-rate -d 'How many bytes of blobs a second move at most, all together: 20M, 64KiB [default: no limit]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -l min-rate -d 'How many bytes a second a registry sends at least while it is waited for, on average over --idle-timeout, before its answer is given up; 0 bears with everything' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -l retries -d 'How often something is tried again that made no progress' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -l retry-max-wait -d 'How long a registry may ask to be left alone before the command gives up' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -l idle-timeout -d 'How long the other side may be silent: 30s, 2m, 500ms' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -l timeout -d 'How long the whole command may take: 90s, 10m, 2h [default: as long as it takes]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -l store -d 'Directory of the local store [default: imgctl/store in the user\'s data directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -l config -d 'File with keys for all these flags, globally and for single registries; an empty name reads none [default: imgctl/config.toml in the user\'s configuration directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -l creds -d 'Credentials for every registry of this command; asks for the password where there is none' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -l src-creds -d 'Credentials for the registry that is read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -l dest-creds -d 'Credentials for the registry that is written' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -l authfile -d 'Read credentials from this file (docker\'s config.json or podman\'s auth.json) and nowhere else' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -l allow-realm -d 'Token server that stored credentials may be sent to; may be repeated or a comma list' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -l ca-file -d 'PEM file of certificates to trust beside the system\'s; may be repeated or a comma list' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -l cert-file -d 'PEM file of the client certificate to show to registries' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -l key-file -d 'PEM file of the client certificate\'s key' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -l cert-dir -d 'Directory with the certificates of registries: HOST:PORT/*.crt to trust, *.cert and *.key to show; without a directory for the registry, its own files [default: the certs.d of podman and docker]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -l tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -l src-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -l dest-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -s q -l quiet -d 'Print the result and errors only'
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -s v -l verbose -d 'Log what is done to stderr; -vv logs more, -vvv everything'
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -l trace -d 'Log every HTTP request and answer to stderr, secrets redacted'
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -l no-resume -d 'Start transfers from the beginning, and keep nothing of those that break off'
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -l fsync -d 'Flush what the command writes to the disk before it appears: a power loss then takes nothing of that. What was there already is not flushed'
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -l anonymous -d 'Use no credentials, even where some are given or stored'
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -l plain-http -d 'Speak http without TLS; without this only to localhost, 127.0.0.0/8 and [::1]'
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -l insecure -d 'Do not verify the registry\'s TLS certificate'
complete -c imgctl -n "__fish_imgctl_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -s f -l format -d 'Print json, jsonl, or a Go template such as \'{{.Digest}}\' or \'table {{.Name}}\'' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -l progress -d 'How to show progress on stderr: bars on a terminal, one line per change of state, one JSON event a line, or not' -r -f -a "auto\t'bar on a terminal, else plain'
bar\t'bars that move'
plain\t'one line for each change of state'
json\t'one JSON event a line'
none\t'nothing'"
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -l log-level -d 'Log to stderr from this level on' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -s j -l jobs -d 'How many blobs move at the same time [default: 4, and 8 where the registry is far away]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -l per-host -d 'How many requests are in flight to one host at most, downloads until they are read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -l range-split -d 'From how many ranges at once one large blob may be read where that is faster; 1 never splits' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -l limit-rate -d 'How many bytes of blobs a second move at most, all together: 20M, 64KiB [default: no limit]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -l min-rate -d 'How many bytes a second a registry sends at least while it is waited for, on average over --idle-timeout, before its answer is given up; 0 bears with everything' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -l retries -d 'How often something is tried again that made no progress' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -l retry-max-wait -d 'How long a registry may ask to be left alone before the command gives up' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -l idle-timeout -d 'How long the other side may be silent: 30s, 2m, 500ms' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -l timeout -d 'How long the whole command may take: 90s, 10m, 2h [default: as long as it takes]' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -l store -d 'Directory of the local store [default: imgctl/store in the user\'s data directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -l config -d 'File with keys for all these flags, globally and for single registries; an empty name reads none [default: imgctl/config.toml in the user\'s configuration directory]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -l creds -d 'Credentials for every registry of this command; asks for the password where there is none' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -l src-creds -d 'Credentials for the registry that is read' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -l dest-creds -d 'Credentials for the registry that is written' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -l authfile -d 'Read credentials from this file (docker\'s config.json or podman\'s auth.json) and nowhere else' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -l allow-realm -d 'Token server that stored credentials may be sent to; may be repeated or a comma list' -r
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -l ca-file -d 'PEM file of certificates to trust beside the system\'s; may be repeated or a comma list' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -l cert-file -d 'PEM file of the client certificate to show to registries' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -l key-file -d 'PEM file of the client certificate\'s key' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -l cert-dir -d 'Directory with the certificates of registries: HOST:PORT/*.crt to trust, *.cert and *.key to show; without a directory for the registry, its own files [default: the certs.d of podman and docker]' -r -F
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -l tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -l src-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -l dest-tls-verify -r -f -a "true\t''
false\t''"
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -s q -l quiet -d 'Print the result and errors only'
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -s v -l verbose -d 'Log what is done to stderr; -vv logs more, -vvv everything'
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -l trace -d 'Log every HTTP request and answer to stderr, secrets redacted'
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -l no-resume -d 'Start transfers from the beginning, and keep nothing of those that break off'
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -l fsync -d 'Flush what the command writes to the disk before it appears: a power loss then takes nothing of that. What was there already is not flushed'
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -l anonymous -d 'Use no credentials, even where some are given or stored'
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -l plain-http -d 'Speak http without TLS; without this only to localhost, 127.0.0.0/8 and [::1]'
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -l insecure -d 'Do not verify the registry\'s TLS certificate'
complete -c imgctl -n "__fish_imgctl_using_subcommand version" -s h -l help -d 'Print help (see more with \'--help\')'
