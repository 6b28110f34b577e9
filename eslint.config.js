import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist/', 'runs/', 'node_modules/', '**/*.gen.ts'] },
  {
    files: ['**/*.ts', 'scripts/*.mjs'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      // noUncheckedIndexedAccess types every `pixels[i]` as possibly undefined; in a loop over the length, `!` says what is true.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: 'only-allowed-literals' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // Index loops over several arrays at once are the plainest way to write numeric code.
      '@typescript-eslint/prefer-for-of': 'off',
      // Object types that are passed as Record<string, ...> must be type aliases: an interface has no implicit index signature.
      '@typescript-eslint/consistent-type-definitions': 'off',
      // JSON.parse(...) as Shape, text.match(...) on a known pattern: the short form reads well.
      '@typescript-eslint/prefer-regexp-exec': 'off',
      'no-restricted-syntax': ['error', { selector: 'ExportAllDeclaration', message: 'Name what is exported.' }],
      eqeqeq: 'error',
      'no-console': 'off',
      'prefer-const': 'error',
    },
  },
  {
    // The surface in Node is the portable one and a little more.
    files: ['src/index.node.ts'],
    rules: { 'no-restricted-syntax': 'off' },
  },
  {
    // JSDoc casts do not reach these rules.
    files: ['scripts/*.mjs'],
    rules: { '@typescript-eslint/no-unsafe-assignment': 'off', '@typescript-eslint/no-unsafe-member-access': 'off' },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // Empty bodies, and promises returned without await, are what stubs look like.
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/require-await': 'off',
    },
  },
);
