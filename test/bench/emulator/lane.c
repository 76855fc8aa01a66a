#include "lane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LATE_NS 2000000ull
#define LEAST_QUEUE_BYTES 4500

struct packet {
  struct packet *next, *previous;
  uint64_t at;            /* in the queue: when it came; under way: when it is due */
  int length;
  uint8_t bytes[];
};

/* splitmix64 */
static double random_unit(struct lane *lane) {
  uint64_t z = (lane->random_state += 0x9e3779b97f4a7c15ull);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  z ^= z >> 31;
  return (double)(z >> 11) / 9007199254740992.0;
}

static int is_dead(const struct lane *lane) { return lane->down || lane->loss >= 1.0; }

static int is_lost(struct lane *lane) {
  if (lane->bursts) {
    double change = lane->in_burst ? lane->burst_leave : lane->burst_enter;
    if (random_unit(lane) < change) lane->in_burst = !lane->in_burst;
    if (random_unit(lane) < (lane->in_burst ? lane->burst_loss : lane->calm_loss)) return 1;
  }
  return lane->loss > 0 && random_unit(lane) < lane->loss;
}

/* Loss comes behind the bottleneck: a lost packet has used its share of the rate. */
static void depart(struct lane *lane, struct packet *packet, uint64_t now) {
  if (is_dead(lane) || is_lost(lane)) {
    lane->count.dropped_loss++;
    free(packet);
    return;
  }
  double delay = lane->delay_ns;
  if (lane->jitter_ns > 0) delay += (2 * random_unit(lane) - 1) * lane->jitter_ns;
  packet->at = now + (uint64_t)(delay < 0 ? 0 : delay);
  if (!lane->reorder && packet->at < lane->last_due) packet->at = lane->last_due;
  if (packet->at > lane->last_due) lane->last_due = packet->at;
  struct packet *before = lane->way_tail;
  while (before && before->at > packet->at) before = before->previous;
  packet->previous = before;
  packet->next = before ? before->next : lane->way_head;
  if (packet->next) packet->next->previous = packet; else lane->way_tail = packet;
  if (before) before->next = packet; else lane->way_head = packet;
}

static uint64_t head_begins(const struct lane *lane) {
  return lane->sent_at > lane->queue_head->at ? lane->sent_at : lane->queue_head->at;
}

static uint64_t head_leaves(const struct lane *lane) {
  uint64_t begins = head_begins(lane);
  return lane->rate <= 0 ? begins : begins + (uint64_t)(lane->bits_left * 1e9 / lane->rate);
}

static void send_queued(struct lane *lane, uint64_t now) {
  while (lane->queue_head) {
    uint64_t leaves = head_leaves(lane);
    if (leaves > now) break;
    struct packet *packet = lane->queue_head;
    lane->queue_head = packet->next;
    if (!lane->queue_head) lane->queue_tail = NULL;
    lane->queued -= packet->length;
    lane->sent_at = leaves;
    if (lane->queue_head) lane->bits_left = lane->queue_head->length * 8.0;
    depart(lane, packet, leaves);
  }
}

static void hand_over(struct lane *lane, uint64_t now) {
  struct lane_counters *count = &lane->count;
  while (lane->way_head && lane->way_head->at <= now) {
    struct packet *packet = lane->way_head;
    lane->way_head = packet->next;
    if (lane->way_head) lane->way_head->previous = NULL; else lane->way_tail = NULL;
    uint64_t late = now - packet->at;
    if (late > LATE_NS) count->late++;
    if (late > count->latest_ns) count->latest_ns = late;
    if (is_dead(lane)) {
      count->dropped_loss++;
    } else if (write(lane->out, packet->bytes, packet->length) == packet->length) {
      count->out++;
      count->out_bytes += packet->length;
    } else {
      count->write_errors++;
    }
    free(packet);
  }
}

/* What of the head was sent at the old rate stays sent. */
static void set_rate(struct lane *lane, double rate, uint64_t now) {
  send_queued(lane, now);
  if (lane->queue_head) {
    uint64_t begins = head_begins(lane);
    if (lane->rate > 0 && now > begins) lane->bits_left -= (now - begins) * lane->rate / 1e9;
    if (lane->bits_left < 0) lane->bits_left = 0;
    lane->sent_at = now;
  }
  lane->rate = rate;
}

static int set_bursts(struct lane *lane, const char *value) {
  double enter = 0, leave = 0, inside = 0, outside = 0;
  lane->bursts = sscanf(value, "%lf,%lf,%lf,%lf", &enter, &leave, &inside, &outside) >= 3;
  lane->in_burst = 0;
  lane->burst_enter = enter / 100;
  lane->burst_leave = leave / 100;
  lane->burst_loss = inside / 100;
  lane->calm_loss = outside / 100;
  return 1;
}

static int set_number(struct lane *lane, const char *name, double value, uint64_t now) {
  if (!strcmp(name, "rate")) {
    int first = lane->rate <= 0;
    set_rate(lane, value * 1e6, now);
    /* A queue keeps its bytes when the rate changes, as in real modems. */
    if (first && lane->queue_ms > 0) lane->queue_limit = value * 1e3 / 8 * lane->queue_ms;
  } else if (!strcmp(name, "queue-ms")) {
    lane->queue_ms = value;
    if (lane->rate > 0) lane->queue_limit = lane->rate / 8e3 * value;
  } else if (!strcmp(name, "queue-bytes")) {
    lane->queue_limit = value;
    lane->queue_ms = 0;
  } else if (!strcmp(name, "delay")) lane->delay_ns = value * 1e6;
  else if (!strcmp(name, "jitter")) lane->jitter_ns = value * 1e6;
  else if (!strcmp(name, "reorder")) lane->reorder = value != 0;
  else if (!strcmp(name, "loss")) lane->loss = value / 100;
  else if (!strcmp(name, "down")) lane->down = value != 0;
  else return 0;
  if (lane->queue_limit < LEAST_QUEUE_BYTES) lane->queue_limit = LEAST_QUEUE_BYTES;
  return 1;
}

void lane_seed(struct lane *lane, uint64_t seed) { lane->random_state = seed; }

int lane_set(struct lane *lane, const char *name, const char *value, uint64_t now) {
  lane_turn(lane, now);
  return strcmp(name, "bursts") ? set_number(lane, name, atof(value), now) : set_bursts(lane, value);
}

void lane_push(struct lane *lane, const uint8_t *bytes, int length, uint64_t now, uint64_t begun) {
  struct lane_counters *count = &lane->count;
  count->in++;
  count->in_bytes += length;
  if (!count->first_in_ns && begun) count->first_in_ns = now - begun + 1;
  if (is_dead(lane)) {
    count->dropped_dead++;
    return;
  }
  send_queued(lane, now);
  if (lane->rate > 0 && lane->queue_head && lane->queued + length > lane->queue_limit) {
    count->dropped_queue++;
    return;
  }
  struct packet *packet = malloc(sizeof *packet + length);
  if (!packet) abort();
  memcpy(packet->bytes, bytes, length);
  packet->length = length;
  packet->at = now;
  packet->next = NULL;
  if (lane->queue_head) {
    lane->queue_tail->next = packet;
  } else {
    lane->queue_head = packet;
    lane->bits_left = length * 8.0;
  }
  lane->queue_tail = packet;
  lane->queued += length;
  if (lane->queued > count->most_queued) count->most_queued = lane->queued;
  if (lane->rate <= 0) send_queued(lane, now);
}

void lane_turn(struct lane *lane, uint64_t now) {
  send_queued(lane, now);
  hand_over(lane, now);
}

uint64_t lane_next(const struct lane *lane) {
  uint64_t next = lane->way_head ? lane->way_head->at : NEVER;
  if (lane->queue_head) {
    /* Nothing needs to move before the head could be due at the far end. */
    int64_t least = lane->delay_ns - (int64_t)lane->jitter_ns;
    uint64_t due = head_leaves(lane) + (least < 0 ? 0 : least);
    if (due < next) next = due;
  }
  return next;
}
