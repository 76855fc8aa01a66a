/* Makes every TCP socket of a program one of Multipath TCP (LD_PRELOAD), for programs that do not ask for it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <sys/socket.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

int socket(int domain, int type, int protocol) {
  int (*next)(int, int, int) = (int (*)(int, int, int))dlsym(RTLD_NEXT, "socket");
  int stream = (type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) == SOCK_STREAM;
  int internet = domain == AF_INET || domain == AF_INET6;
  if (stream && internet && (protocol == 0 || protocol == IPPROTO_TCP)) {
    int descriptor = next(domain, type, IPPROTO_MPTCP);
    if (descriptor >= 0) return descriptor;
  }
  return next(domain, type, protocol);
}
