import { randomInt } from 'node:crypto';

const ADJECTIVES =
  'able bold brisk calm clever crisp eager fair fleet gentle glad keen kind lively merry neat nimble polite proud quick quiet ready serene sharp sleek smart solid steady swift tidy upbeat vivid warm wise witty zesty';
const NOUNS =
  'ant auk bat bear bee bird bug carp cat colt cow crab crane crow deer doe dog dove duck elk ewe finch fish fly foal fox frog goat goose gull hare hawk hen horse jay kit lamb lark lynx mink mole moose moth mouse mule newt owl pug ram rat ray roo seal shad shark sheep shrew skink slug smelt snail snake squid stag steed stork swan toad trout vole wasp whale wolf wren yak';

/** The name of a run that nobody named: adjective, noun, number, as MLflow's own. */
export function randomRunName(): string {
  const pick = (words: string): string => {
    const all = words.split(' ');
    return all[randomInt(all.length)] ?? '';
  };
  return `${pick(ADJECTIVES)}-${pick(NOUNS)}-${randomInt(1_000)}`;
}
