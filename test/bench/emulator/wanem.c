/* A small WAN emulator in user space, for machines whose kernel has no netem. Carries IP packets between pairs of TUN
 * devices, each end in its own network namespace; what happens to them on the way is lane.c.
 *
 *   cc -O2 -o wanem wanem.c lane.c tunnel.c
 *   wanem [-s SEED] [-i SAMPLE_MS] [-g LEAST_SLEEP_US]
 *
 * Reads lines on standard input and ends with it, so it never outlives who started it:
 *   link NAME nsA deviceA nsB deviceB              makes both devices
 *   [t=SECONDS] [link=NAME|*] [dir=ab|ba|both] key=value ...   at once, or t seconds after `start`; keys: see lane.c
 *   ready                                          answers {"type":"ready"} when all above is done
 *   start                                          defines t=0
 * Rates are in Mbit/s and count IP bytes, times in ms, losses in per cent.
 * Writes one JSON object per line: ready, a sample of the counters every SAMPLE_MS, and the final counters. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "lane.h"
#include "tunnel.h"

#define MAX_LINKS 64
#define MAX_EVENTS 8192
#define LINE_BYTES 1024
#define PACKET_BYTES 65536
#define READS_PER_TURN 128
#define PRIORITY 5
#define TIMER_ID 1000
#define INPUT_ID 1001

struct link { char name[32]; int ends[2]; struct lane lanes[2]; };   /* lane 0: a to b */
struct event { uint64_t at; char *line; };

static struct link links[MAX_LINKS];
static int link_count;
static struct event events[MAX_EVENTS];
static int event_count, events_done;
static uint64_t begun, seed = 1;
static volatile sig_atomic_t over;

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + t.tv_nsec;
}

static double seconds_since_start(uint64_t now) { return begun ? (now - begun) / 1e9 : -1.0; }

static void bad_line(const char *line) {
  fprintf(stderr, "wanem: bad line: %s\n", line);
  exit(1);
}

static void make_link(const char *line) {
  char ns_a[64], device_a[32], ns_b[64], device_b[32];
  struct link *link = &links[link_count];
  if (link_count >= MAX_LINKS) bad_line(line);
  if (sscanf(line, "link %31s %63s %31s %63s %31s", link->name, ns_a, device_a, ns_b, device_b) != 5) bad_line(line);
  link->ends[0] = tunnel_open(ns_a, device_a);
  link->ends[1] = tunnel_open(ns_b, device_b);
  for (int way = 0; way < 2; way++) {
    link->lanes[way].out = link->ends[!way];
    link->lanes[way].queue_limit = 1 << 20;
    lane_seed(&link->lanes[way], seed * 1000003 + link_count * 2 + way);
  }
  link_count++;
}

/* key=value for the links and directions named before it on the line. */
static void apply(const char *line, uint64_t now) {
  char text[LINE_BYTES], name[32] = "*", way_name[8] = "both", *rest;
  snprintf(text, sizeof text, "%s", line);
  for (char *key = strtok_r(text, " \t\r\n", &rest); key; key = strtok_r(NULL, " \t\r\n", &rest)) {
    char *value = strchr(key, '=');
    if (!value) bad_line(line);
    *value++ = 0;
    if (!strcmp(key, "t")) continue;
    if (!strcmp(key, "link")) { snprintf(name, sizeof name, "%s", value); continue; }
    if (!strcmp(key, "dir")) { snprintf(way_name, sizeof way_name, "%s", value); continue; }
    for (int i = 0; i < link_count; i++) {
      if (strcmp(name, "*") && strcmp(name, links[i].name)) continue;
      for (int way = 0; way < 2; way++) {
        if (strcmp(way_name, "both") && strcmp(way_name, way ? "ba" : "ab")) continue;
        if (!lane_set(&links[i].lanes[way], key, value, now)) bad_line(line);
      }
    }
  }
}

/* Kept in the order of their times; equal times in the order they came. */
static void schedule(const char *line) {
  if (event_count >= MAX_EVENTS) bad_line(line);
  uint64_t at = atof(line + 2) * 1e9;
  int place = event_count++;
  for (; place > events_done && events[place - 1].at > at; place--) events[place] = events[place - 1];
  events[place] = (struct event){at, strdup(line)};
}

static void print_lane(const char *name, const struct lane *lane) {
  const struct lane_counters *c = &lane->count;
  printf("\"%s\":{\"in\":%llu,\"inBytes\":%llu,\"out\":%llu,\"outBytes\":%llu,\"droppedQueue\":%llu,\"droppedLoss\":%llu,"
         "\"droppedDead\":%llu,\"writeErrors\":%llu,\"late\":%llu,\"latestMs\":%.1f,\"firstInSeconds\":%.4f,\"mostQueuedBytes\":%lld}",
         name, (unsigned long long)c->in, (unsigned long long)c->in_bytes, (unsigned long long)c->out,
         (unsigned long long)c->out_bytes, (unsigned long long)c->dropped_queue, (unsigned long long)c->dropped_loss,
         (unsigned long long)c->dropped_dead, (unsigned long long)c->write_errors, (unsigned long long)c->late,
         c->latest_ns / 1e6, c->first_in_ns / 1e9, (long long)c->most_queued);
}

static void print_final(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  double cpu = used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  printf("{\"type\":\"final\",\"t\":%.4f,\"cpuSeconds\":%.3f,\"links\":{", seconds_since_start(now_ns()), cpu);
  for (int i = 0; i < link_count; i++) {
    printf("%s\"%s\":{", i ? "," : "", links[i].name);
    print_lane("up", &links[i].lanes[0]);
    putchar(',');
    print_lane("down", &links[i].lanes[1]);
    putchar('}');
  }
  puts("}}");
  fflush(stdout);
}

static void print_sample(uint64_t now) {
  printf("{\"type\":\"sample\",\"t\":%.4f,\"downBytes\":[", seconds_since_start(now));
  for (int i = 0; i < link_count; i++) printf("%s%llu", i ? "," : "", (unsigned long long)links[i].lanes[1].count.out_bytes);
  printf("],\"queuedBytes\":[");
  for (int i = 0; i < link_count; i++) printf("%s%lld", i ? "," : "", (long long)links[i].lanes[1].queued);
  puts("]}");
  fflush(stdout);
}

static void command(const char *line) {
  if (!*line) return;
  if (!strncmp(line, "link ", 5)) make_link(line);
  else if (!strcmp(line, "start")) print_sample(begun = now_ns());
  else if (!strcmp(line, "ready")) { puts("{\"type\":\"ready\"}"); fflush(stdout); }
  else if (!strncmp(line, "t=", 2)) schedule(line);
  else apply(line, now_ns());
}

static void read_commands(int input) {
  static char held[LINE_BYTES * 8];
  static size_t length;
  ssize_t got = read(input, held + length, sizeof held - 1 - length);
  if (got == 0) over = 1;
  if (got <= 0) return;
  length += got;
  held[length] = 0;
  char *line = held, *end;
  while ((end = strchr(line, '\n'))) {
    *end = 0;
    command(line);
    line = end + 1;
  }
  length -= line - held;
  memmove(held, line, length + 1);
}

/* Does all that is due and says when to come again. */
static uint64_t turn(uint64_t now) {
  uint64_t next = NEVER;
  while (begun && events_done < event_count && begun + events[events_done].at <= now) apply(events[events_done++].line, now);
  if (begun && events_done < event_count) next = begun + events[events_done].at;
  for (int i = 0; i < link_count; i++) {
    for (int way = 0; way < 2; way++) {
      lane_turn(&links[i].lanes[way], now);
      uint64_t lane = lane_next(&links[i].lanes[way]);
      if (lane < next) next = lane;
    }
  }
  return next;
}

static void read_packets(int id) {
  static uint8_t packet[PACKET_BYTES];
  struct link *link = &links[id / 2];
  for (int reads = 0; reads < READS_PER_TURN; reads++) {
    ssize_t got = read(link->ends[id & 1], packet, sizeof packet);
    if (got <= 0) return;
    lane_push(&link->lanes[id & 1], packet, got, now_ns(), begun);
  }
}

static void watch(int poll, int descriptor, int id) {
  struct epoll_event interest = {.events = EPOLLIN, .data.u64 = id};
  if (epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &interest)) exit(1);
}

static void stop(int number) { (void)number; over = 1; }

int main(int argc, char **argv) {
  uint64_t least_sleep = 50000, sample_every = 50000000;
  for (int option; (option = getopt(argc, argv, "s:i:g:")) != -1;) {
    if (option == 's') seed = strtoull(optarg, NULL, 10);
    else if (option == 'i') sample_every = strtoull(optarg, NULL, 10) * 1000000ull;
    else if (option == 'g') least_sleep = strtoull(optarg, NULL, 10) * 1000ull;
    else return 2;
  }
  /* Without these it works as well, only later. */
  struct sched_param realtime = {.sched_priority = PRIORITY};
  if (sched_setscheduler(0, SCHED_RR, &realtime) == 0) mlockall(MCL_CURRENT);
  signal(SIGTERM, stop);
  signal(SIGINT, SIG_IGN);   /* the terminal's Ctrl-C is for who started this; the end of the input follows */
  signal(SIGPIPE, SIG_IGN);

  int poll = epoll_create1(EPOLL_CLOEXEC), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), watched = 0;
  fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
  watch(poll, timer, TIMER_ID);
  watch(poll, STDIN_FILENO, INPUT_ID);
  uint64_t next_sample = now_ns() + sample_every;
  while (!over) {
    for (; watched < link_count; watched++)
      for (int end = 0; end < 2; end++) watch(poll, links[watched].ends[end], watched * 2 + end);
    uint64_t now = now_ns(), next = turn(now);
    if (begun && now >= next_sample) {
      print_sample(now);
      while (next_sample <= now) next_sample += sample_every;
    }
    if (begun && next_sample < next) next = next_sample;
    if (next < now + least_sleep) next = now + least_sleep;
    struct itimerspec wake = {0};
    if (next != NEVER) wake.it_value = (struct timespec){next / 1000000000ull, next % 1000000000ull};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &wake, NULL);
    struct epoll_event came[64];
    int count = epoll_wait(poll, came, 64, -1);
    for (int i = 0; i < count; i++) {
      uint64_t id = came[i].data.u64, ticks;
      if (id < TIMER_ID) read_packets(id);
      else if (id == INPUT_ID) read_commands(STDIN_FILENO);
      else if (read(timer, &ticks, sizeof ticks) < 0) continue;
    }
  }
  print_sample(now_ns());
  print_final();
  return 0;
}
