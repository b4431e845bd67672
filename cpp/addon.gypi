# The addon. Paths are relative to this file, and <(addon_root) is the package's folder.
{
  "variables": {
    "addon_root%": "<(module_root_dir)",
    "addon_name%": "ringlet",
    # 'address' for the sanitizer variant
    "sanitize%": "",
    # 1: with what it needs of the C++ runtime inside, as prebuilt addons have it
    "self_contained%": 0,
    # what is linked before and after the objects, beside the above
    "link_before%": "",
    "link_after%": ""
  },
  "targets": [
    {
      "target_name": "<(addon_name)",
      "sources": [
        "addon.cc",
        "cached_paths.cc",
        "copy_file.cc",
        "delay_watch.cc",
        "engine.cc",
        "fd_watch.cc",
        "file_exports.cc",
        "file_table_trial.cc",
        "coalescing.cc",
        "identity.cc",
        "kernel_features.cc",
        "loop_hooks.cc",
        "loop_poll.cc",
        "mount_table.cc",
        "napi_values.cc",
        "native_ring.cc",
        "pool_calls.cc",
        "process_exports.cc",
        "receive_trials.cc",
        "ring.cc",
        "ring_host.cc",
        "ring_profile.cc",
        "ring_queues.cc",
        "socket_calls.cc",
        "socket_exports.cc",
        "sq_poll_groups.cc",
        "stream_exports.cc",
        "uring_syscalls.cc",
        "user_ring/buffers.cc",
        "user_ring/disturbances.cc",
        "user_ring/endings.cc",
        "user_ring/event_operations.cc",
        "user_ring/file_operations.cc",
        "user_ring/operations.cc",
        "user_ring/path_operations.cc",
        "user_ring/queues.cc",
        "user_ring/readiness.cc",
        "user_ring/receive_operations.cc",
        "user_ring/request_store.cc",
        "user_ring/simulation.cc",
        "user_ring/socket_operations.cc",
        "user_ring/user_ring.cc",
        "user_ring/workers.cc",
        "watch_host.cc"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
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
      # Bound at once, a missing symbol is an error when the addon loads; bound later it would end the process.
      "ldflags": [
        "-Wl,-z,now",
        "-Wl,--version-script=<(addon_root)/scripts/native/exports.map",
        "<@(link_before)"
      ],
      "libraries": ["<@(link_after)"],
      "conditions": [
        ["OS!='linux'", { "type": "none" }],
        ["sanitize!=''", {
          "cflags": ["-fsanitize=<(sanitize)", "-fno-omit-frame-pointer", "-g"],
          "ldflags": ["-fsanitize=<(sanitize)"]
        }],
        ["self_contained==1", {
          "sources": ["cxx_runtime.cc"],
          "ldflags": ["-s"],
          # Without effect on 64-bit processors, but for the name of a function that musl does not have.
          "defines!": ["_FILE_OFFSET_BITS=64"]
        }],
        # Those of libgcc ask glibc what the processor can do.
        ["self_contained==1 and target_arch=='arm64'", { "cflags": ["-mno-outline-atomics"] }]
      ]
    }
  ]
}
