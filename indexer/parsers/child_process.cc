#include "indexer/parsers/child_process.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <thread>
#include <utility>

namespace footnote::indexer {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMostErrorBytes = 64 << 10;

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { Close(); }
  void Close() {
    if (number_ >= 0) close(std::exchange(number_, -1));
  }
  int get() const { return number_; }
  bool is_open() const { return number_ >= 0; }

 private:
  int number_ = -1;
};

struct Pipe {
  Descriptor read, write;
};

StatusOr<Pipe> MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoError("cannot make a pipe", errno);
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#endif

// System calls that a reader of one file never needs: each fails as if it were not allowed.
constexpr auto kDenied = std::to_array<uint32_t>(
    {SYS_socket, SYS_socketpair, SYS_connect, SYS_bind, SYS_listen, SYS_ptrace,
     SYS_process_vm_readv, SYS_process_vm_writev, SYS_bpf, SYS_keyctl, SYS_mount, SYS_unshare,
     SYS_setns, SYS_kill, SYS_io_uring_setup, SYS_userfaultfd, SYS_perf_event_open});
constexpr size_t kFilterLength = kDenied.size() + 7;

// Allows all but kDenied. Calls of another architecture, whose numbers differ, end the process.
std::array<sock_filter, kFilterLength> MakeFilter() {
  constexpr uint32_t kOtherAbi = 0x40000000;  // x32's numbers begin there
  constexpr auto kCount = static_cast<uint8_t>(kDenied.size());
  std::array<sock_filter, kFilterLength> filter{};
  size_t at = 0;
  // A jump skips `yes` or `no` steps.
  const auto add = [&](uint16_t code, uint8_t yes, uint8_t no, uint32_t value) {
    filter[at++] = {code, yes, no, value};
  };
  add(BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, arch));
  add(BPF_JMP | BPF_JEQ | BPF_K, 0, kCount + 4, kArchitecture);
  add(BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr));
  add(BPF_JMP | BPF_JGE | BPF_K, kCount + 2, 0, kOtherAbi);
  for (uint8_t i = 0; i < kCount; ++i) {
    add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint8_t>(kCount - i), 0, kDenied[i]);
  }
  add(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
  add(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EPERM);
  add(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS);
  return filter;
}

// All that the child needs, made before the fork: after it, in a program with threads, no memory
// may be asked for.
struct Prepared {
  std::string program;
  std::vector<std::string> words;
  std::vector<char*> argv;
  std::array<char*, 1> environment = {nullptr};
  std::array<sock_filter, kFilterLength> filter = MakeFilter();
  ChildLimits limits;
  int input = -1, output = -1, errors = -1, trouble = -1;
  pid_t parent = -1;
};

void Limit(__rlimit_resource resource, uint64_t value) {
  const rlimit limit = {value, value};
  setrlimit(resource, &limit);
}

// Only async-signal-safe calls from here to exec. Writes errno to `trouble` when exec fails.
[[noreturn]] void BeTheChild(const Prepared& child) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != child.parent) _exit(127);  // it died before we asked to be told
  dup2(child.input, 0);
  dup2(child.output, 1);
  dup2(child.errors, 2);
  const int trouble = fcntl(child.trouble, F_DUPFD_CLOEXEC, 3);
  if (trouble != 3) {
    dup2(child.trouble, 3);
    fcntl(3, F_SETFD, FD_CLOEXEC);
  }
  syscall(SYS_close_range, 4U, ~0U, 0U);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  signal(SIGXFSZ, SIG_IGN);  // a write to a file fails, and does not end the program
  Limit(RLIMIT_AS, child.limits.memory_bytes);
  Limit(RLIMIT_CPU, static_cast<uint64_t>(child.limits.cpu_seconds));
  Limit(RLIMIT_CORE, 0);
  Limit(RLIMIT_FSIZE, 0);
  Limit(RLIMIT_NOFILE, 64);
  // A network of its own, with nothing in it, where the system allows; the filter below forbids
  // sockets in any case.
  if (unshare(CLONE_NEWNET) != 0) unshare(CLONE_NEWUSER | CLONE_NEWNET);
  sock_fprog program = {static_cast<uint16_t>(child.filter.size()),
                        const_cast<sock_filter*>(child.filter.data())};
  // A kernel without seccomp still has what is above.
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) {
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
  }
  execve(child.program.c_str(), child.argv.data(), child.environment.data());
  const int error = errno;
  [[maybe_unused]] const ssize_t told = write(3, &error, sizeof error);
  _exit(127);
}

Status TookTooLong(const ChildLimits& limits) {
  return ResourceExhaustedError("it took longer than " + std::to_string(limits.wall_seconds) +
                                " seconds");
}

// Reads both pipes until they end. RESOURCE_EXHAUSTED at a limit.
Status Collect(Descriptor& output, Descriptor& errors, Clock::time_point deadline,
               const ChildLimits& limits, ChildResult& result) {
  std::string buffer(64 << 10, '\0');
  while (output.is_open() || errors.is_open()) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return TookTooLong(limits);
    pollfd waited[2] = {{output.get(), POLLIN, 0}, {errors.get(), POLLIN, 0}};
    if (poll(waited, 2, static_cast<int>(left)) < 0 && errno != EINTR) {
      return ErrnoError("waiting for a program failed", errno);
    }
    for (int i = 0; i < 2; ++i) {
      if (waited[i].revents == 0) continue;
      Descriptor& from = i == 0 ? output : errors;
      const ssize_t got = read(from.get(), buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        from.Close();
        continue;
      }
      const std::string_view bytes(buffer.data(), static_cast<size_t>(got));
      if (i == 1) {
        result.errors += bytes.substr(0, kMostErrorBytes - result.errors.size());
      } else if (result.output.size() + bytes.size() > limits.output_bytes) {
        return ResourceExhaustedError("it gives more than " +
                                      std::to_string(limits.output_bytes >> 20) + " MB");
      } else {
        result.output += bytes;
      }
    }
  }
  return OkStatus();
}

// Waits for the end of a child whose pipes have ended; it stays a zombie, so that its number is its
// own. False when the deadline came first.
bool AwaitEnd(pid_t pid, Clock::time_point deadline) {
  constexpr auto kLook = std::chrono::milliseconds(2);
  for (;;) {
    siginfo_t info{};
    if (waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
        info.si_pid == pid) {
      return true;
    }
    if (Clock::now() > deadline) return false;
    std::this_thread::sleep_for(kLook);
  }
}

Status DiedOf(int signal, const std::string& errors, const ChildLimits& limits) {
  if (signal == SIGXCPU || signal == SIGKILL) {
    return ResourceExhaustedError("it took more than " + std::to_string(limits.cpu_seconds) +
                                  " seconds of a CPU, or too much memory");
  }
  std::string message = "the program that reads it died of signal " + std::to_string(signal);
  if (!errors.empty()) message += " (" + errors.substr(0, errors.find('\n')) + ")";
  return UnavailableError(message);
}

StatusOr<ChildResult> Run(std::string_view name, const std::vector<std::string>& arguments,
                          const Descriptor& input, const ChildLimits& limits) {
  Prepared child;
  child.program = FindProgram(name).string();
  if (child.program.empty()) {
    return NotFoundError("the program " + std::string(name) + " is not installed");
  }
  child.words.push_back(std::string(name));
  child.words.insert(child.words.end(), arguments.begin(), arguments.end());
  for (std::string& word : child.words) child.argv.push_back(word.data());
  child.argv.push_back(nullptr);
  child.limits = limits;
  child.parent = getpid();
  FOOTNOTE_ASSIGN_OR_RETURN(Pipe output, MakePipe());
  FOOTNOTE_ASSIGN_OR_RETURN(Pipe errors, MakePipe());
  FOOTNOTE_ASSIGN_OR_RETURN(Pipe trouble, MakePipe());
  child.input = input.get();
  child.output = output.write.get();
  child.errors = errors.write.get();
  child.trouble = trouble.write.get();

  const pid_t pid = fork();
  if (pid < 0) return ErrnoError("cannot start " + child.program, errno);
  if (pid == 0) BeTheChild(child);
  setpgid(pid, pid);  // both do, so that it holds whoever comes first
  output.write.Close();
  errors.write.Close();
  trouble.write.Close();

  ChildResult result;
  const Clock::time_point deadline = Clock::now() + std::chrono::seconds(limits.wall_seconds);
  Status collected = Collect(output.read, errors.read, deadline, limits, result);
  if (collected.ok() && !AwaitEnd(pid, deadline)) collected = TookTooLong(limits);
  kill(-pid, SIGKILL);  // it, or whatever it started
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  FOOTNOTE_RETURN_IF_ERROR(collected);
  int error = 0;
  if (read(trouble.read.get(), &error, sizeof error) == sizeof error) {
    return ErrnoError("cannot start " + child.program, error);
  }
  if (WIFSIGNALED(status)) return DiedOf(WTERMSIG(status), result.errors, limits);
  result.exit_code = WEXITSTATUS(status);
  return result;
}

}  // namespace

std::filesystem::path FindProgram(std::string_view name) {
  for (const char* folder : {"/usr/bin", "/usr/local/bin", "/bin"}) {
    std::filesystem::path path = std::filesystem::path(folder) / name;
    if (access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

StatusOr<ChildResult> RunChild(std::string_view program, const std::vector<std::string>& arguments,
                               const std::filesystem::path& input, const ChildLimits& limits) {
  const Descriptor file(open(input.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return ErrnoError("cannot open the file", errno);
  return Run(program, arguments, file, limits);
}

StatusOr<ChildResult> RunChildOnBytes(std::string_view program,
                                      const std::vector<std::string>& arguments,
                                      std::string_view input, const ChildLimits& limits) {
  const Descriptor memory(memfd_create("footnote-input", MFD_CLOEXEC));
  if (!memory.is_open()) return ErrnoError("cannot hold a program's input", errno);
  while (!input.empty()) {
    const ssize_t wrote = write(memory.get(), input.data(), input.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return ErrnoError("cannot hold a program's input", errno);
    input.remove_prefix(static_cast<size_t>(wrote));
  }
  if (lseek(memory.get(), 0, SEEK_SET) != 0) return ErrnoError("cannot rewind", errno);
  return Run(program, arguments, memory, limits);
}

}  // namespace footnote::indexer
