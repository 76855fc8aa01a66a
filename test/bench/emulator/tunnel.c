#define _GNU_SOURCE
#include "tunnel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void give_up(const char *what) {
  fprintf(stderr, "wanem: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void enter(int name_space, const char *what) {
  if (setns(name_space, CLONE_NEWNET)) give_up(what);
}

int tunnel_open(const char *name_space, const char *device) {
  int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (home < 0) give_up("the present namespace");
  if (strcmp(name_space, "-")) {
    char path[256];
    snprintf(path, sizeof path, "/var/run/netns/%s", name_space);
    int there = open(path, O_RDONLY | O_CLOEXEC);
    if (there < 0) give_up(path);
    enter(there, path);
    close(there);
  }
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  snprintf(request.ifr_name, IFNAMSIZ, "%s", device);
  int tunnel = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (tunnel < 0 || ioctl(tunnel, TUNSETIFF, &request)) give_up("a TUN device");
  enter(home, "the present namespace");
  close(home);
  return tunnel;
}
