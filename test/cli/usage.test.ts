// Wrong command lines: exit code 2, one sentence that says what would be right, and nothing is done.
import { describe, expect, it } from 'vitest';
import { didYouMean } from '../../lib/cli/usage-error.ts';
import { lanewise } from './terminal-recorder.ts';

describe('a wrong command line', () => {
  it.each<[string, RegExp]>([
    ['tran', /there is no command 'tran'; commands are train, .*\. Did you mean 'train'\?/],
    ['--json', /there is no option before the command '--json'/],
    ['train --epoch 3', /'train' has no option --epoch\. Did you mean '--epochs'\?/],
    ['train --bacth-size 3', /no option --bacth-size\. Did you mean '--batch-size'\?/],
    ['train -e 3', /'train' has no option -e\./],
    ['train --__proto__ 3', /'train' has no option --__proto__/],
    ['train --constructor=3', /'train' has no option --constructor/],
    ['train digits', /'train' takes no argument 'digits'/],
    ['train epochs 3', /takes no argument 'epochs'\. Did you mean '--epochs'\?/],
    ['train --epochs', /--epochs needs a value: N/],
    ['train --out --json', /--out needs a value: DIR/],
    ['train --out=', /--out needs a value that is not empty/],
    ['train --json=yes', /--json takes no value, not 'yes'/],
    [
      'train --model lenet',
      /--model must be 'lenet5', 'cnn', 'vgg' or 'airbench', not 'lenet'\. Did you mean 'lenet5'\?/,
    ],
    ['train --model resnet', /not 'resnet'\.$/m],
    ['train --optimizer adma', /not 'adma'\. Did you mean 'adam'\?/],
    ['train --optimizer AdamW', /Did you mean 'adamw'\?/],
    ['train --augment fip', /--augment takes flip, crop, .* or none, not 'fip'\. Did you mean 'flip'\?/],
    ['train --augment flip,', /--augment takes .* not ''\./],
    ['train --augment flip:3', /--augment takes .* not 'flip:3'\./],
    ['train --augment crop:0', /--augment crop needs at least 1 pixel, not 'crop:0'/],
    ['train --augment toString', /--augment takes .* not 'toString'/],
    ['train --backend ts', /--backend must be 'auto', 'native' or 'typescript', not 'ts'/],
    ['train --backend type', /Did you mean 'typescript'\?/],
    ['train --isa avx-512', /Did you mean 'avx512'\?/],
    [
      'train --data digit',
      /--data must be 'digits', 'mnist:DIR' or 'cifar10:DIR', not 'digit'\. Did you mean 'digits'\?/,
    ],
    ['train --data mnits:/x', /Did you mean 'mnist'\?/],
    ['train --data mnist', /--data mnist needs a folder: mnist:DIR/],
    ['train --data cifar10:', /--data cifar10 needs a folder/],
    ['train --data digits:/x', /--data digits takes no folder/],
    ['evaluate', /'evaluate' needs a MODEL/],
    ['evaluate a b', /'evaluate' takes one MODEL, not 'a' and 'b'/],
    ['evaluate a --split valid', /--split must be 'test' or 'train'/],
    ['predict', /'predict' needs a MODEL/],
    ['summary lenet', /MODEL must be lenet5, cnn, vgg, airbench or a file, not 'lenet'\. Did you mean 'lenet5'\?/],
    ['summary --input 28', /--input must be height, width and channels such as 28x28x1, not '28'/],
    ['summary --input 0x1x1', /--input must be/],
    ['summary --profile', /'summary' has no option --profile/],
    ['profile lenet', /MODEL must be lenet5, cnn, vgg, airbench or a file, not 'lenet'\. Did you mean 'lenet5'\?/],
    ['profile lenet5 cnn', /'profile' takes one MODEL, not 'lenet5' and 'cnn'/],
    ['profile --by ops', /--by must be 'op', 'layer' or 'kind', not 'ops'\. Did you mean 'op'\?/],
    ['profile --steps 0', /--steps must be a whole number from 1 to 10000, not '0'/],
    ['profile --predict=yes', /--predict takes no value, not 'yes'/],
    ['profile --numerics exakt', /--numerics must be 'fast' or 'exact', not 'exakt'\. Did you mean 'exact'\?/],
    ['doctor --verbose', /'doctor' has no option --verbose/],
  ])('%s', async (line, expected) => {
    const { code, out, error } = await lanewise(...line.split(' '));
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(error).toMatch(expected);
    expect(error).toMatch(/^lanewise: [^\n]+\nSee 'lanewise [a-z -]*--help'\.\n$/);
  });

  const numbers = ['', 'x', 'NaN', 'Infinity', '-1', '1e400', '9'.repeat(30), '0x10', '1,000', '٣', ' 5'];
  const whole = ['epochs', 'batch-size', 'threads', 'train-count', 'test-count', 'checkpoint-every'];
  it.each(whole)('--%s takes whole numbers from 1', async (option) => {
    for (const value of [...numbers, '0', '1.5', '1e3']) {
      const { code, error } = await lanewise('train', `--${option}=${value}`);
      expect(code, value).toBe(2);
      expect(error, value).toContain(`--${option} must be a whole number from 1 to `);
      expect(error, value).toContain(`not '${value}'`);
    }
  });

  it('--seed takes whole numbers from 0', async () => {
    for (const value of [...numbers, '1.5', '2147483648']) {
      const { code, error } = await lanewise('train', `--seed=${value}`);
      expect(code, value).toBe(2);
      expect(error).toContain('--seed must be a whole number from 0 to 2147483647');
    }
  });

  it('--lr and --weight-decay take positive numbers', async () => {
    for (const value of [...numbers, '1001', '.', '1e', '--3']) {
      const rate = await lanewise('train', `--lr=${value}`);
      expect([rate.code, rate.error.includes('--lr must be a number above 0, at most 1000, not')], value).toEqual([
        2,
        true,
      ]);
      const decay = await lanewise('train', `--weight-decay=${value}`);
      expect([decay.code, decay.error.includes('--weight-decay must be a number from 0 to 1000, not')], value).toEqual([
        2,
        true,
      ]);
    }
    expect((await lanewise('train', '--lr=0')).code).toBe(2);
    expect((await lanewise('train', '--lr', '-1')).error).toContain("not '-1'");
  });
});

describe('help', () => {
  it('is printed on request, with exit code 0', async () => {
    for (const args of [['--help'], ['-h'], ['help']]) {
      const { code, out } = await lanewise(...args);
      expect(code).toBe(0);
      for (const name of ['train', 'evaluate', 'predict', 'summary', 'profile', 'import', 'doctor', 'build'])
        expect(out).toContain(`\n  ${name} `);
    }
    for (const name of ['train', 'evaluate', 'predict', 'summary', 'profile', 'import', 'doctor', 'build']) {
      const asked = await lanewise(name, '--help');
      expect(asked.code).toBe(0);
      expect(asked.out).toContain(`Usage: lanewise ${name}`);
      expect((await lanewise('help', name)).out).toBe(asked.out);
    }
  });

  it('keeps its lines short', async () => {
    for (const name of ['train', 'evaluate', 'predict', 'summary', 'profile', 'import', 'doctor', 'build']) {
      const { out } = await lanewise(name, '-h');
      for (const line of out.split('\n')) expect(line.length, line).toBeLessThanOrEqual(125);
    }
  });

  it('is printed with exit code 2 when no command is given', async () => {
    expect(await lanewise()).toMatchObject({ code: 2, out: expect.stringContaining('Usage: lanewise COMMAND') });
  });

  it('the version is a version', async () => {
    expect((await lanewise('--version')).out).toMatch(/^\d+\.\d+\.\d+/);
  });
});

describe('didYouMean', () => {
  it.each([
    ['lenet', ['lenet5', 'cnn'], " Did you mean 'lenet5'?"],
    ['cn', ['lenet5', 'cnn'], " Did you mean 'cnn'?"],
    ['gvg', ['vgg', 'cnn'], " Did you mean 'vgg'?"],
    ['something else', ['vgg', 'cnn'], ''],
    ['', ['vgg'], ''],
  ])('%j', (word, candidates, expected) => {
    expect(didYouMean(word, candidates)).toBe(expected);
  });
});
