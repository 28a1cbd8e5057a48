/* What the parts of tocsin-keeper share. See keeper.c for what it is. */
#ifndef TOCSIN_KEEPER_H
#define TOCSIN_KEEPER_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Grows when an agent must know more to use this program. */
#define PROTOCOL 2

/* A keeper's descriptors; the nursery has its own where a keeper's first is. */
enum { NURSERY_FD = 3, AGENT_FD = 3, SPEC_FD = 4, STDIN_FD = 5 };
enum { ID_LENGTH = 36 };

#define MS 1000000ULL
#define SECOND (1000 * MS)
#define NEVER UINT64_MAX
/* Output that follows other output within this time is joined with it. */
#define JOIN_NS (20 * MS)

/* What to start, as the agent said. Lists end with NULL. */
struct spec {
    const char *id, *cwd;
    char **argv, **env;
    char **settings; /* of the cgroup: `file=value` */
    char **secrets;  /* not to be seen in its output */
    gid_t *groups;
    size_t n_argv, n_env, n_settings, n_secrets, n_groups;
    long uid, gid; /* -1: as this process */
    char *sudo_user, *cgroup;
    uint64_t timeout_ms, grace_ms, max_bytes;
    bool has_stdin;
    bool leashed; /* ends with the agent: nobody could take it over */
};

/* The job's process. */
struct job {
    pid_t pid;
    unsigned long long ticks; /* its start, as in /proc/PID/stat */
    uint64_t started_boot, started_wall;
    bool ended;
    int status;       /* of wait() */
    char failed[64];  /* the step that kept it from being started, or "-" */
    int failed_errno;
};

/* An order to end it. */
struct stop {
    char kind[24]; /* who asked first, or "-" */
    bool done;     /* nothing of it lives (or can be ended) */
    uint64_t deadline, check_at;
};

/* What is known of the output. */
struct kept {
    uint64_t size, dropped; /* of the file; bytes that were refused */
    uint64_t room;          /* how large the file may become */
    uint32_t seq;           /* of the newest record; 1 is the start's */
    bool is_news;
};

extern struct spec spec;
extern struct job job;
extern struct stop stop;
extern struct kept kept;

uint64_t now(int clock);
uint64_t earlier(uint64_t a, uint64_t b);
/* The name of one of this execution's files; valid until the next call. */
const char *name(const char *suffix);

/* nursery.c: returns in each new keeper, with its execution's id. */
void nursery(char *id);

/* job.c */
void read_spec(char *text, size_t size);
void start(void);

/* output.c: streams 0 and 1 are standard output and error. */
enum { STREAMS = 2 };
void open_streams(const int *fds);
int stream_fd(int which);
uint64_t stream_bytes(int which);
bool stream_cut(int which);
/* One read. False when nothing was there, or never will be. */
bool take(int which);
/* Write what has waited long enough; when to call again. */
uint64_t flush_due(uint64_t t);
void finish_streams(void);
int output_fd(void);

/* redact.c */
enum { LONGEST_SECRET = 5000, MOST_HELD = 4 * LONGEST_SECRET };
/* What is held back of one stream because it may be the beginning of a secret. */
struct redactor {
    uint32_t state, counted, breaks; /* how far into a secret; bytes held but for line breaks; breaks in a row */
    size_t begin, end;
    unsigned char held[MOST_HELD];
    unsigned char counts[MOST_HELD]; /* 0 for a line break inside of a secret */
};
void learn_secrets(char **secrets);
bool has_secrets(void);
/* Takes output and gives out what is certain; `to` needs room for both and what is held. Returns how much that is. */
size_t redact(struct redactor *r, const unsigned char *data, size_t len, unsigned char *to);
/* Nothing more comes: what was held back is no secret. */
size_t redact_rest(struct redactor *r, unsigned char *to);

/* family.c */
bool read_ticks(pid_t pid, unsigned long long *ticks);
void request_stop(const char *kind, uint64_t within_ms);
void go_on_stopping(uint64_t t);
void collect(void);
/* cgroup.c */
bool write_file(const char *directory, const char *file, const char *value);
/* A number in a file of the job's cgroup, behind `key` if there is one; -1 if it is not there. */
long long cgroup_figure(const char *file, const char *key);

/* agent.c */
extern int agent;
extern bool acknowledged;
/* When the right to run it ends unless the agent says otherwise, and how long the end may take. */
extern uint64_t fence_at, fence_grace_ms;
void connect_again(void);
void listen_to_agent(void);
void tell(void);
bool has_to_tell(void);
void tell_start(void);
void tell_end(void);
/* Nobody has acknowledged the end: it has to be found, also after a power cut. False: the disk refuses it. */
bool write_end(void);

#endif
