# The target is in a file of its own, because some package managers run node-gyp wherever they find a binding.gyp: the
# published package, which brings compiled addons, has that file and not this one (scripts/native/gyp.mjs).
{ "includes": ["cpp/addon.gypi"] }
