{
  "variables": { "addon_name%": "ringlet", "sanitize%": "" },
  "targets": [
    {
      "target_name": "<(addon_name)",
      "sources": [
        "cpp/addon.cc",
        "cpp/cached_paths.cc",
        "cpp/copy_file.cc",
        "cpp/engine.cc",
        "cpp/fd_watch.cc",
        "cpp/file_exports.cc",
        "cpp/file_table_trial.cc",
        "cpp/gathering.cc",
        "cpp/identity.cc",
        "cpp/kernel_features.cc",
        "cpp/loop_hooks.cc",
        "cpp/loop_poll.cc",
        "cpp/mount_table.cc",
        "cpp/napi_values.cc",
        "cpp/native_ring.cc",
        "cpp/pool_calls.cc",
        "cpp/process_exports.cc",
        "cpp/receive_trials.cc",
        "cpp/ring.cc",
        "cpp/ring_host.cc",
        "cpp/ring_profile.cc",
        "cpp/ring_queues.cc",
        "cpp/socket_calls.cc",
        "cpp/socket_exports.cc",
        "cpp/sq_poll_groups.cc",
        "cpp/stream_exports.cc",
        "cpp/uring_syscalls.cc",
        "cpp/watch_host.cc"
      ],
      "include_dirs": ["<!@(node -p \"require('node-addon-api').include_dir\")"],
      # The last: in a worker that is being terminated Node-API refuses calls, and would refuse the error about that.
      "defines": [
        "NAPI_VERSION=8",
        "NODE_ADDON_API_DISABLE_DEPRECATED",
        "NAPI_DISABLE_CPP_EXCEPTIONS",
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"
      ],
      "cflags": ["-Wall", "-Wextra", "-fvisibility=hidden"],
      "cflags_cc": ["-std=c++20", "-fno-exceptions", "-fno-rtti", "-O2"],
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-O3"],
      "conditions": [
        ["OS!='linux'", { "type": "none" }],
        ["sanitize!=''", {
          "cflags": ["-fsanitize=<(sanitize)", "-fno-omit-frame-pointer", "-g"],
          "ldflags": ["-fsanitize=<(sanitize)"]
        }]
      ]
    }
  ]
}
