/* One direction of an emulated link:
 *   byte-limited drop-tail queue -> bottleneck of a rate -> loss (random or in bursts) -> delay and jitter -> a descriptor
 * Knows no links, no namespaces and no clock: every call is given the time. Times are kept on a virtual clock, so a caller
 * who comes late biases neither rate nor delay; how late packets were handed over is counted. */
#ifndef LANE_H
#define LANE_H

#include <stdint.h>

#define NEVER UINT64_MAX

struct packet;

/* What has happened so far, in packets unless it says bytes. */
struct lane_counters {
  uint64_t in, in_bytes, out, out_bytes;
  uint64_t dropped_queue, dropped_loss, dropped_dead, write_errors;
  uint64_t late;          /* handed over more than LATE_NS after they were due */
  uint64_t latest_ns;     /* the worst of all */
  uint64_t first_in_ns;   /* when the first packet came; 0 while none did */
  int64_t most_queued;    /* bytes */
};

struct lane {
  double rate;            /* bit/s; 0 = no bottleneck */
  double loss;            /* 0..1; 1 is a black hole that also swallows what is under way */
  double jitter_ns;       /* uniform, to either side */
  double queue_ms;        /* 0 = queue_limit was given in bytes */
  int64_t delay_ns, queue_limit;
  int reorder, down;
  int bursts, in_burst;   /* Gilbert-Elliott: enter, leave, loss inside and outside of a burst, all 0..1 */
  double burst_enter, burst_leave, burst_loss, calm_loss;

  struct packet *queue_head, *queue_tail;
  int64_t queued;         /* bytes */
  double bits_left;       /* of the packet at the head */
  uint64_t sent_at;       /* when the bottleneck had sent all that left it so far */
  struct packet *way_head, *way_tail;
  uint64_t last_due;
  uint64_t random_state;
  int out;                /* where packets go */
  struct lane_counters count;
};

void lane_seed(struct lane *lane, uint64_t seed);
/* Sets one property by its name; 0 when there is no such name. `first_in_ns` of the counters is relative to `begun`. */
int lane_set(struct lane *lane, const char *name, const char *value, uint64_t now);
void lane_push(struct lane *lane, const uint8_t *bytes, int length, uint64_t now, uint64_t begun);
/* Moves everything as far as it has come by now. */
void lane_turn(struct lane *lane, uint64_t now);
/* When something can happen next. */
uint64_t lane_next(const struct lane *lane);

#endif
