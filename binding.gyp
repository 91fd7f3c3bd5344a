# The node-gyp build. Sources and flags come from native/build.json, which CMakeLists.txt reads too.
# scripts/build-native.mjs runs it with headers from node_modules, so that nothing is downloaded.
{
  'targets': [
    {
      'target_name': 'lanewise',
      'sources': ['<!@(node -p "Object.values(require(\'./native/build.json\').sources).flat().join(\' \')")'],
      'include_dirs': ['<!(node scripts/build-native.mjs --print-include)'],
      'defines': ['<!@(node -p "require(\'./native/build.json\').defines.join(\' \')")'],
      'cflags_cc': [
        '-std=<!(node -p "require(\'./native/build.json\').standard")',
        '<!@(node -p "require(\'./native/build.json\').flags.join(\' \')")',
      ],
      'ldflags': ['<!@(node -p "require(\'./native/build.json\').link.join(\' \')")'],
      'xcode_settings': {
        'CLANG_CXX_LANGUAGE_STANDARD': '<!(node -p "require(\'./native/build.json\').standard")',
        'OTHER_CPLUSPLUSFLAGS': ['<!@(node -p "require(\'./native/build.json\').flags.join(\' \')")'],
      },
    },
  ],
}
