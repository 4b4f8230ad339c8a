/* fsync and fdatasync of a slower disk: each takes SLOW_SYNC_MICROSECONDS longer. Loaded before the C library. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static void wait_a_little(void)
{
    const char *set = getenv("SLOW_SYNC_MICROSECONDS");
    usleep(set ? (useconds_t)atoi(set) : 0);
}

int fsync(int file)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    wait_a_little();
    return real(file);
}

int fdatasync(int file)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    wait_a_little();
    return real(file);
}
