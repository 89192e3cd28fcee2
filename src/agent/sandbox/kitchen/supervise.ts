/**
 * Runs inside the kitchen, around one command: a process group of its own, the time limit, and the end of whatever is left. It is
 * the limit in there that counts: an engine lets a command run on whose client has gone. In Perl, which Debian always has, starts
 * in 2 ms, and tells a death by signal from an exit code; a shell does not.
 *
 * It speaks between the command's own words, in lines that begin with a mark that only it and the harness know:
 * `start GROUP SUPERVISOR`, `failed REASON`, and last `end CAUSE STATUS LEFT`, with the status as wait(2) gives it.
 * It waits on its input for what it is to do (see `orderFor`), so that it can be there before there is a command. The end of its
 * input is the order to end the command, or to go without one; when the harness dies, the engine gives that order.
 */
export const SUPERVISE = String.raw`
use strict;
my @deaf = qw(HUP INT QUIT TERM PIPE ALRM USR1 USR2);

# "pkill -f" by a word of the command must not find it here, nor anybody the mark.
$0 = 'shell';
$SIG{$_} = 'IGNORE' for @deaf;
my ($mark, $timeout_s, $grace_s, $linger_s, $reap_s, $command) = split /\0/, input(input(8)), 6;
# Cuts a nap short.
$SIG{CHLD} = sub {};

my $group = fork // fail('fork');
become_command() if $group == 0;

my $status;
my $cause = until_end();
if ($cause ne 'exit') {
  # Before that it hears nothing, and there is nobody in the group.
  within($reap_s, sub { reaped() or getpgrp($group) == $group });
  # A stopped process takes the TERM only once it runs again.
  kill $_ => -$group for qw(TERM CONT);
  within($grace_s, sub { not living() }) or kill KILL => -$group;
  within($reap_s, \&reaped);
}
within($linger_s, sub { not living() });
my $left = living();
kill KILL => -$group;
report(join ' ', 'end', $cause, $status // '-', $left);

# So many bytes and no more: what comes after them is for nobody, and an end is to be seen by select.
sub input {
  my ($left, $all) = ($_[0], '');
  while ($left > 0) {
    my $count = sysread STDIN, my $part, $left;
    exit unless $count;
    $all .= $part;
    $left -= $count;
  }
  return $all;
}

sub become_command {
  $SIG{$_} = 'DEFAULT' for @deaf, 'CHLD';
  open STDIN, '<', '/dev/null';
  open STDERR, '>&', \*STDOUT;
  report("start $$ " . getppid);
  # A session of its own as well: in this one, a job that it left stopped would be woken when it ends.
  grep { -x "$_/bash" } split /:/, $ENV{PATH} or fail('bash');
  exec {'/usr/bin/setsid'} 'setsid', 'bash', '-c', '--', $command or fail('setsid');
}

sub until_end {
  my $end_s = now_s() + $timeout_s;
  until (reaped()) {
    return 'timeout' if now_s() >= $end_s;
    # A child that ends just before the nap does not cut it short, so that it must not be long.
    return reaped() ? 'exit' : 'asked' if nap(0.05, 0);
  }
  return 'exit';
}

sub reaped {
  $status = $? if not defined $status and waitpid($group, 1) == $group;
  return defined $status;
}

# Zombies don't count.
sub living {
  reaped();
  return 0 unless kill 0 => -$group;
  opendir my $proc, '/proc' or return 0;
  my $count = 0;
  for my $pid (grep { /^\d/ } readdir $proc) {
    open my $file, '<', "/proc/$pid/stat" or next;
    my $stat = do { local $/; <$file> } // '';
    my ($state, undef, $its_group) = split ' ', $stat =~ s/.*\) //sr;
    $count++ if ($its_group // 0) == $group and $state !~ /[ZXx]/;
  }
  return $count;
}

sub within {
  my ($limit_s, $condition) = @_;
  my $end_s = now_s() + $limit_s;
  until ($condition->()) {
    return 0 if now_s() >= $end_s;
    nap(0.01);
  }
  return 1;
}

# True as soon as one of the descriptors has something to read, or has ended.
sub nap {
  my ($most_s, @descriptors) = @_;
  my $seen = '';
  vec($seen, $_, 1) = 1 for @descriptors;
  return 0 < select $seen, undef, undef, $most_s;
}

# No clock that somebody sets, and no module, which would take longer to load than most commands run.
sub now_s {
  open my $uptime, '<', '/proc/uptime' or return 9e9;
  return (split ' ', <$uptime>)[0];
}

sub fail {
  report("failed $_[0]: $!");
  exit 1;
}

# The command may have made the pipe non-blocking, for both of them (EAGAIN is 11).
sub report {
  until (syswrite STDOUT, "$mark $_[0]\n") {
    return if $! != 11;
    nap(0.01);
  }
}
`

export interface Order {
  mark: string
  command: string
  timeout_ms: number
  grace_ms: number
  linger_ms: number
  /** For a process that not even KILL ends. */
  reap_ms: number
}

/** What a supervisor reads: the number of bytes in eight digits, then the parts, which hold no NUL, with a NUL between. */
export function orderFor({ mark, command, timeout_ms, grace_ms, linger_ms, reap_ms }: Order): Uint8Array {
  const limits_s = [timeout_ms, grace_ms, linger_ms, reap_ms].map((limit_ms) => String(limit_ms / 1_000))
  const body = Buffer.from([mark, ...limits_s, command].join("\0"))
  return Buffer.concat([Buffer.from(String(body.length).padStart(8, "0")), body])
}
