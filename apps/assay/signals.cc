#include "signals.h"

#include <unistd.h>
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

}  // namespace

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
