"""What this machine is, as far as it matters for speed."""

import os
import platform
import resource

FLAGS = ("avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16")
BUSY = 0.3       # load average above which figures are doubtful
DISTURBED = 0.03  # share of the CPUs' time that other processes took, above which they are too


class Watch:
    """How much of the machine was taken by processes that are not ours, from its making until `others` is asked."""

    def __init__(self):
        self._start = self._seconds()

    @staticmethod
    def _seconds():
        """(all CPUs' time, the busy part of it, our own part), in seconds"""
        with open("/proc/stat", encoding="utf-8") as lines:
            ticks = [int(word) for word in lines.readline().split()[1:9]]
        total, idle = sum(ticks), ticks[3] + ticks[4]
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return (total / os.sysconf("SC_CLK_TCK"), (total - idle) / os.sysconf("SC_CLK_TCK"),
                sum(usage.ru_utime + usage.ru_stime for usage in used))

    def others(self):
        """Their share, 0 to 1; what a hypervisor took away counts. Children that still run count as others."""
        total, busy, own = (now - then for now, then in zip(self._seconds(), self._start))
        return max(0.0, busy - own) / total if total > 0 else 0.0


def describe():
    cpu, flags = "unknown", []
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                cpu = value.strip()
            elif key.strip() == "flags":
                flags = value.split()
                break
    with open("/proc/meminfo", encoding="utf-8") as lines:
        memory = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
    caches = []
    base = "/sys/devices/system/cpu/cpu0/cache"
    for index in sorted(os.listdir(base)) if os.path.isdir(base) else []:
        if index.startswith("index"):
            parts = [open(f"{base}/{index}/{name}", encoding="utf-8").read().strip() for name in ("level", "type", "size")]
            caches.append(f"L{parts[0]} {parts[1].lower()} {parts[2]}")
    return {"cpu": cpu, "cpus": len(os.sched_getaffinity(0)), "flags": [flag for flag in FLAGS if flag in flags],
            "caches": caches, "memory_bytes": memory["MemTotal"], "available_bytes": memory["MemAvailable"],
            "system": f"{platform.system()} {platform.release()}", "load": os.getloadavg()[0]}


def text(machine):
    return (f"machine: {machine['cpu']}, {machine['cpus']} CPUs, {machine['memory_bytes'] / 2**30:.1f} GiB, "
            f"{machine['system']}, load {machine['load']:.2f}\n"
            f"         {' '.join(machine['flags'])}; {', '.join(machine['caches'])}")
