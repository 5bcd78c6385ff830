const DOCKER = 'needs Docker and minutes; src/docker/ runs the same with testcontainers';
const FOREVER = 'runs until ^C, or waits for packets';

/** Shell blocks of docs/ that the test does not run, by name (page.ts), and why. */
export const NOT_RUN: ReadonlyMap<string, string> = new Map([
  [
    '../README.md: npx -y pnpm@12 demo     # installs, builds, and balances real traffic in network namespaces (as root; otherwise replays a capture)',
    'installs and builds; CI runs the second command, demo.test.ts the first',
  ],
  ['../README.md: docker-compose --file docker/compose.yaml up --build --detach   # Debian 12’s; newer: docker compose', DOCKER],
  ['behaviours.md: npx vitest run packages/e2e   # as root, with Docker; prints the table at the end', 'runs all tests, this one too'],
  ['docker.md: docker-compose --file docker/compose.yaml up --build --detach', DOCKER],
  ['docker.md: docker build --tag nfqlb --file docker/nfqlb/Dockerfile .', DOCKER],
  ['docker.md: docker network create --subnet=172.30.0.0/24 web', DOCKER],
  [
    'docker.md: docker run --detach --name=lb --network=web --ip=172.30.0.100 --cap-add=NET_ADMIN --volume=/etc/nfqlb:/etc/nfqlb:ro nfqlb',
    DOCKER,
  ],
  ['install.md: pnpm package', 'builds; package.test.ts does, and installs what it built'],
  [
    'install.md: apt install ./nfqlb-node_0.2.0_amd64.deb ./nfqlb_0.2.0_amd64.deb',
    'installs for all users; package.test.ts does, in a Debian of its own',
  ],
  ['install.md: systemctl enable --now nfqlb     # now, and at boot', 'needs a machine that runs systemd'],
  ['install.md: systemctl enable --now nfqlb-up     # now, and at boot', 'needs a machine that runs systemd'],
  [
    'install.md: systemd-analyze security --offline=true /lib/systemd/system/nfqlb.service | tail -1',
    'package.test.ts does, in a Debian of its own',
  ],
  ["network.md: tcpdump -ni any 'dst host 10.0.0.1 and icmp[0] = 3 and icmp[1] = 4'", `${FOREVER}; path-mtu.test.ts has this network`],
  ['network.md: traceroute -n -q 1 10.0.0.1', 'shows a network with three routers; traceroute.test.ts has it'],
  [
    'packages.md: npx -y pnpm@12 pack:all                        # build/packages/*.tgz',
    'builds, and installs for all users; install.test.ts does the same in a root folder of its own',
  ],
  ['packages.md: node packages/native/scripts/prebuild.mjs --arch=arm64', 'needs a cross compiler'],
  ['releasing.md: node scripts/release.mjs rehearse', 'clones the repository; says what the changesets of the day lead to'],
  ['setup.md: nfqlb demo', 'shows commands that the demo prints as if typed; demo.test.ts runs it'],
  ['trace.md: nfqlb trace-flow-set --name=near --srcs=20.0.0.0/24', `${FOREVER}; trace.test.ts has such packets`],
  [
    "trace.md: nfqlb trace-flow-set --name=SYN --match='tcp[12:2] & 0x01ff = 0x0002'     # only SYN",
    `${FOREVER}; trace.test.ts has such packets`,
  ],
  [
    'troubleshooting.md: nfqlb explain --src=CLIENT --dst=VIP --proto=tcp --sport=4711 --dport=80     # where would this packet go?',
    'has placeholders for the reader',
  ],
  [
    'trust.md: setpriv --reuid=nfqlb --regid=nfqlb --clear-groups nfqlb activate 1 2',
    'needs a user nfqlb who may read the clone; trust.test.ts has other users',
  ],
  ['trust.md: nfqlb flow-set --name=all --target=web --dsts=0.0.0.0/0', 'is run by a user who may not; trust.test.ts has other users'],
]);
