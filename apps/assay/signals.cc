#include "signals.h"

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/file.h"
#include "console.h"

namespace assay::cli {
namespace {

// Filled before any work starts; handlers may then do no more than write it.
std::array<char, 128> line{};
std::size_t line_length = 0;

void set_line(std::string_view verb) {
  line_length = 0;
  for (const std::string_view part :
       {std::string_view("assay"), std::string_view(verb.empty() ? "" : " "), verb,
        std::string_view(": stopped before it was done; no half-written file is left\n")}) {
    const std::size_t count = std::min(part.size(), line.size() - line_length);
    std::copy_n(part.begin(), count, line.begin() + static_cast<std::ptrdiff_t>(line_length));
    line_length += count;
  }
}

extern "C" void on_stop(int) {
  remove_unfinished_files();
  // A bar may stand on the line.
  if (::isatty(STDERR_FILENO) != 0) static_cast<void>(!::write(STDERR_FILENO, "\n", 1));
  static_cast<void>(!::write(STDERR_FILENO, line.data(), line_length));
  ::_exit(kFailed);
}

extern "C" void on_closed_pipe(int number) {
  remove_unfinished_files();
  ::signal(number, SIG_DFL);
  ::raise(number);
}

void handle(int number, void (*handler)(int)) {
  struct sigaction old {};
  // Who starts a program with a signal ignored, as nohup and pipelines of services do, means it.
  if (::sigaction(number, nullptr, &old) == 0 && old.sa_handler == SIG_IGN) return;
  struct sigaction action {};
  action.sa_handler = handler;
  ::sigfillset(&action.sa_mask);
  ::sigaction(number, &action, nullptr);
}

// Where a StopRequest is told; -1: there is none.
volatile std::sig_atomic_t request_descriptor = -1;

extern "C" void on_request(int) {
  const int kept = errno;
  static_cast<void>(!::write(request_descriptor, "", 1));
  handle(SIGINT, on_stop);
  handle(SIGTERM, on_stop);
  errno = kept;
}

}  // namespace

StopRequest::StopRequest() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return;
  reading_ = ends[0];
  request_descriptor = ends[1];
  handle(SIGINT, on_request);
  handle(SIGTERM, on_request);
}

StopRequest::~StopRequest() {
  if (reading_ < 0) return;
  handle(SIGINT, on_stop);
  handle(SIGTERM, on_stop);
  ::close(request_descriptor);
  ::close(reading_);
  request_descriptor = -1;
}

void install_signal_handlers() {
  set_line("");
  handle(SIGINT, on_stop);
  handle(SIGTERM, on_stop);
  handle(SIGHUP, on_stop);
  handle(SIGPIPE, on_closed_pipe);
  handle(SIGXFSZ, SIG_IGN);  // a write over the limit then fails like any other
}

void name_interrupted_verb(std::string_view verb) { set_line(verb); }

}  // namespace assay::cli
