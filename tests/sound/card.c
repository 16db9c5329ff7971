/* A sound card for tests, as an ALSA plugin: silent, exact, and as unkind as asked.
 *
 *   pcm_type.voxsync { lib "/path/libcard.so" }
 *   pcm.one { type voxsync  folder "/tmp/x"  channels 2  rate 48000 }
 *
 * It can be opened once per direction, as real hardware: the second opener, in this or
 * another process, gets EBUSY. While the file "denied" is in the folder, EACCES. channels
 * and rate are the only ones it offers; 0 = any. It plays into the void, and hears
 * nothing, by the monotonic clock.
 */
#define _GNU_SOURCE
#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

struct card {
    snd_pcm_ioplug_t io;
    int lock;
    struct timespec begin;
    int64_t passed; /* frames before `begin` */
};

static int64_t frames_since(struct card *card)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t ns = (now.tv_sec - card->begin.tv_sec) * 1000000000LL
        + (now.tv_nsec - card->begin.tv_nsec);
    return ns * card->io.rate / 1000000000LL;
}

static int card_start(snd_pcm_ioplug_t *io)
{
    struct card *card = io->private_data;
    int64_t ns = 1000000000LL * io->period_size / io->rate;
    struct itimerspec period = {
        .it_interval = { ns / 1000000000LL, ns % 1000000000LL },
        .it_value = { ns / 1000000000LL, ns % 1000000000LL },
    };
    clock_gettime(CLOCK_MONOTONIC, &card->begin);
    return timerfd_settime(io->poll_fd, 0, &period, NULL) ? -errno : 0;
}

static int card_stop(snd_pcm_ioplug_t *io)
{
    struct itimerspec never = { 0 };
    timerfd_settime(io->poll_fd, 0, &never, NULL);
    return 0;
}

static snd_pcm_sframes_t card_pointer(snd_pcm_ioplug_t *io)
{
    return frames_since(io->private_data) % io->buffer_size;
}

static snd_pcm_sframes_t card_transfer(
    snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas,
    snd_pcm_uframes_t offset, snd_pcm_uframes_t size)
{
    if (io->stream == SND_PCM_STREAM_CAPTURE)
        snd_pcm_areas_silence(areas, offset, io->channels, size, io->format);
    return size;
}

static int card_revents(
    snd_pcm_ioplug_t *io, struct pollfd *fds, unsigned int count, unsigned short *revents)
{
    uint64_t ticks;
    (void)count;
    *revents = 0;
    if (fds[0].revents & POLLIN) {
        if (read(io->poll_fd, &ticks, sizeof ticks) > 0)
            *revents = io->stream == SND_PCM_STREAM_PLAYBACK ? POLLOUT : POLLIN;
    }
    return 0;
}

static int card_close(snd_pcm_ioplug_t *io)
{
    struct card *card = io->private_data;
    close(io->poll_fd);
    close(card->lock); /* and the lock is gone */
    free(card);
    return 0;
}

static const snd_pcm_ioplug_callback_t callbacks = {
    .start = card_start,
    .stop = card_stop,
    .pointer = card_pointer,
    .transfer = card_transfer,
    .poll_revents = card_revents,
    .close = card_close,
};

static int limit(struct card *card, long channels, long rate)
{
    static const unsigned int access[] = {
        SND_PCM_ACCESS_RW_INTERLEAVED, SND_PCM_ACCESS_MMAP_INTERLEAVED
    };
    static const unsigned int formats[] = { SND_PCM_FORMAT_S16_LE };
    snd_pcm_ioplug_t *io = &card->io;
    int err = 0;
    err |= snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_ACCESS, 2, access);
    err |= snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_FORMAT, 1, formats);
    err |= snd_pcm_ioplug_set_param_minmax(
        io, SND_PCM_IOPLUG_HW_CHANNELS, channels ? channels : 1, channels ? channels : 8);
    err |= snd_pcm_ioplug_set_param_minmax(
        io, SND_PCM_IOPLUG_HW_RATE, rate ? rate : 8000, rate ? rate : 192000);
    err |= snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIOD_BYTES, 64, 65536);
    err |= snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_BUFFER_BYTES, 128, 262144);
    err |= snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIODS, 2, 64);
    return err ? -EINVAL : 0;
}

SND_PCM_PLUGIN_DEFINE_FUNC(voxsync)
{
    const char *folder = NULL;
    long channels = 0, rate = 0;
    char path[PATH_MAX];
    snd_config_iterator_t i, next;
    (void)root;
    snd_config_for_each(i, next, conf) {
        snd_config_t *node = snd_config_iterator_entry(i);
        const char *id;
        if (snd_config_get_id(node, &id) < 0)
            continue;
        if (!strcmp(id, "folder"))
            snd_config_get_string(node, &folder);
        else if (!strcmp(id, "channels"))
            snd_config_get_integer(node, &channels);
        else if (!strcmp(id, "rate"))
            snd_config_get_integer(node, &rate);
    }
    if (!folder)
        return -EINVAL;
    snprintf(path, sizeof path, "%s/denied", folder);
    if (!access(path, F_OK))
        return -EACCES;
    snprintf(path, sizeof path, "%s/%s-%d.lock", folder, name, (int)stream);
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0)
        return -errno;
    if (flock(lock, LOCK_EX | LOCK_NB)) {
        close(lock);
        return -EBUSY;
    }
    struct card *card = calloc(1, sizeof *card);
    if (!card) {
        close(lock);
        return -ENOMEM;
    }
    card->lock = lock;
    card->io.version = SND_PCM_IOPLUG_VERSION;
    card->io.name = "A sound card for tests";
    card->io.callback = &callbacks;
    card->io.private_data = card;
    card->io.poll_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    card->io.poll_events = POLLIN;
    card->io.mmap_rw = 0;
    int err = snd_pcm_ioplug_create(&card->io, name, stream, mode);
    if (err < 0) {
        close(card->io.poll_fd);
        close(lock);
        free(card);
        return err;
    }
    err = limit(card, channels, rate);
    if (err < 0) {
        snd_pcm_ioplug_delete(&card->io); /* calls card_close */
        return err;
    }
    *pcmp = card->io.pcm;
    return 0;
}

SND_PCM_PLUGIN_SYMBOL(voxsync);
