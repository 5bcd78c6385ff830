{
  "variables": { "sanitize%": "" },
  "targets": [
    {
      "target_name": "nfqlb",
      "sources": [
        "addon.cc", "bpf.cc", "connection.cc", "errors.cc", "mapping.cc", "passing.cc", "peer.cc", "privileges.cc", "queue.cc", "scheduling.cc", "sigbus_guard.cc", "tun.cc", "unix_datagram.cc", "unix_socket.cc", "use_mark.cc", "wakeup.cc", "watchdog.cc"
      ],
      "defines": ["NAPI_VERSION=9", "NAPI_CPP_EXCEPTIONS", "_GNU_SOURCE"],
      "cflags!": ["-fno-exceptions"],
      "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++20", "-std=gnu++17"],
      # No warnings about its headers.
      "cflags_cc": [
        "-std=c++17", "-O2", "-fexceptions", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror",
        "-isystem", "<!(node -p \"require('path').dirname(require.resolve('node-addon-api'))\")"
      ],
      # Never unloaded: Node unloads an addon when the last thread that loaded it ends, but the signal handler of sigbus_guard.cc stays.
      "ldflags": ["-Wl,-z,nodelete"],
      "conditions": [
        ["sanitize != ''", {
          "cflags_cc": ["-fsanitize=<(sanitize)", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer"],
          "ldflags": ["-fsanitize=<(sanitize)"]
        }]
      ]
    }
  ]
}
