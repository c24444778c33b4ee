#include "terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

#include "assay/base.h"

namespace assay::cli {
namespace {

constexpr int kBarWidth = 30;
constexpr int kLineWidth = 76;

using Clock = std::chrono::steady_clock;

std::string time_left(double done, double elapsed) {
  if (done <= 0 || elapsed < 1) return "";
  const double seconds = elapsed * (1 - done) / done;
  if (seconds < 90) return fmt::format("{:.0f} s left", seconds);
  return fmt::format("{:.0f} min left", seconds / 60);
}

void write_line(const std::string& text) {
  // Spaces instead of an escape sequence: any terminal understands them.
  const std::string line = fmt::format("\r{:<{}}\r{}", "", kLineWidth, text);
  static_cast<void>(std::fwrite(line.data(), 1, line.size(), stderr));
  static_cast<void>(std::fflush(stderr));
}

struct Drawing {
  std::string phase;
  Clock::time_point started;

  void draw(std::string_view now, double done) {
    if (now != phase) {
      phase = now;
      started = Clock::now();
    }
    const double elapsed = std::chrono::duration<double>(Clock::now() - started).count();
    const int filled = static_cast<int>(done * kBarWidth);
    write_line(fmt::format("{:<16} [{:#<{}}{:.<{}}] {:3.0f} %  {}", phase, "", filled, "", kBarWidth - filled,
                           100 * done, time_left(done, elapsed)));
  }
};

}  // namespace

ProgressBar::ProgressBar(bool quiet) : shown_(!quiet && ::isatty(STDERR_FILENO) != 0) {
  if (!shown_) return;
  set_progress_handler([drawing = std::make_shared<Drawing>()](std::string_view phase, double done) {
    drawing->draw(phase, done);
    if (done >= 1) write_line("");
  });
}

ProgressBar::~ProgressBar() {
  if (!shown_) return;
  set_progress_handler({});
  write_line("");
}

}  // namespace assay::cli
