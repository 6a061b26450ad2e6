import js from '@eslint/js';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['node_modules/**', 'dist/**', '.superstep/**', '.superstep-demo/**', 'test/replay/**/*.json'] },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // An activity that is not awaited is the Temporal bug.
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true, allowNullish: true },
      ],
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_$' }],
      eqeqeq: 'error',
      'no-console': 'error',
      'max-lines-per-function': ['warn', { max: 60, skipBlankLines: true, skipComments: true }],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'Named exports only: a name that can be searched for.' },
      ],
    },
  },
  {
    files: ['workflows/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { group: ['node:*', 'fs', 'path', 'crypto'], message: 'The workflow sandbox has no Node built-ins.' },
            { group: ['**/contracts/schemas/*'], message: 'zod stays out of the workflow bundle; activities parse.' },
            {
              group: ['**/activities/*'],
              allowTypeImports: true,
              message: 'Import activity types only; call activities through workflows/activities.ts.',
            },
          ],
        },
      ],
      'no-restricted-globals': ['error', 'process', 'setInterval', 'fetch'],
    },
  },
  {
    // Where a process meets its surroundings: the environment and the terminal.
    files: ['scripts/**/*.ts', 'scripts/**/*.mjs', 'workers/**/*.ts', '**/*-process.ts', 'test/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: [
      'contracts/**',
      'workflows/**',
      'activities/**',
      'projects/**',
      'lakehouse/**',
      'learning/**',
      'registry/**',
      'serving/**',
      'monitoring/**',
      'console/**',
    ],
    ignores: ['**/*-process.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'env',
          message: 'Configuration is read once, in workers/ or scripts/, and passed in.',
        },
      ],
    },
  },
  {
    // A factory is as long as its methods together; those have the limit's sense.
    files: ['test/**/*.ts', 'activities/*-activities.ts'],
    rules: { 'max-lines-per-function': 'off' },
  },
  { files: ['**/*.js', '**/*.mjs', '**/*.cjs'], ...tseslint.configs.disableTypeChecked },
  {
    files: ['**/*.js', '**/*.mjs', '**/*.cjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        setTimeout: 'readonly',
        URL: 'readonly',
        module: 'writable',
      },
    },
  },
  { files: ['*.config.js', '*.config.ts'], rules: { 'no-restricted-syntax': 'off' } },
);
