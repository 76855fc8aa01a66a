// The examples at the end of a command's help: what people copy. Nothing here is parsed or run.
const examples = {
  get: [
    'heddle get data/model.bin -o model.bin --route eu=http://relay-eu:9001/v1/via/main --route us=http://relay-us:9001/v1/via/main',
    'heddle get film.mp4 --route wifi=http://origin:8080#local=192.168.1.5 --route lte=http://origin:8080#local=10.64.0.2 | mpv -',
    'heddle get https://mirror-a.example/linux.iso -o linux.iso --mirror b=https://mirror-b.example/linux.iso --checksum sha256:HEX',
    'heddle get --recursive data/ -o copies --config heddle.yaml',
  ],
  routes: [
    'heddle routes --route direct=http://origin:8080 --route eu=http://relay-eu:9001/v1/via/main',
    'heddle routes data/model.bin --config heddle.yaml --json',
  ],
  origin: [
    'heddle origin --dir /srv/objects --listen 0.0.0.0:8080 --admin 127.0.0.1:9100',
    'heddle origin --dir /srv/objects --listen 0.0.0.0:8080 --token-keys keys.public.jwks',
    'heddle origin --config origin.yaml',
  ],
  relay: [
    'heddle relay --listen 0.0.0.0:9001 --upstream main=http://origin.example:8080 --token-keys keys.public.jwks',
    'heddle relay --listen 0.0.0.0:9001 --upstream main=http://origin.example:8080 --upstream eu=http://relay-eu:9001 --insecure-open',
    'heddle relay --config relay.yaml',
  ],
  proxy: [
    'heddle proxy --origin http://data.example --route eu=http://relay-eu:9001/v1/via/main --route us=http://relay-us:9001/v1/via/main',
    'http_proxy=http://127.0.0.1:3128 wget http://data.example/v1/objects/model.bin',
    'mpv http://127.0.0.1:3128/o/film.mp4',
  ],
  completion: [
    'source <(heddle completion bash)',
    'heddle completion zsh > "${fpath[1]}/_heddle"',
    'heddle completion fish > ~/.config/fish/completions/heddle.fish',
  ],
} as const;

/** What stands below the flags in the help of `command`. */
export function examplesOf(command: keyof typeof examples): string {
  return ['', 'Examples:', ...examples[command].map((line) => `  ${line}`)].join('\n');
}
