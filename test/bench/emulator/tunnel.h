/* Makes a TUN device inside a named network namespace and gives back its descriptor. */
#ifndef TUNNEL_H
#define TUNNEL_H

/* `name_space` as `ip netns` knows it, or "-" for the present one. Ends the program with a reason when it cannot. */
int tunnel_open(const char *name_space, const char *device);

#endif
