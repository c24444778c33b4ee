#include "console.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/try.h"

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

std::string coloured(std::string_view outcome_text, Outcome outcome) {
  const char* no_color = std::getenv("NO_COLOR");
  if ((no_color != nullptr && *no_color != '\0') || ::isatty(STDOUT_FILENO) == 0)
    return std::string(outcome_text);
  const int code = outcome == Outcome::kAccepted ? 32 : outcome == Outcome::kRejected ? 31 : 33;
  return fmt::format("\033[{}m{}\033[0m", code, outcome_text);
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

Status write_stdout(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (written && std::fflush(stdout) == 0) return {};
  return Error{ErrorCode::kIo, "standard output", fmt::format("cannot write: {}", std::strerror(errno))};
}

void write_stderr_line(std::string_view text) {
  const std::string line = printable(text) + "\n";
  static_cast<void>(std::fwrite(line.data(), 1, line.size(), stderr));
}

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

void Console::note(std::string_view text) const {
  if (!quiet_) warn(text);
}

void Console::warn(std::string_view text) const {
  write_stderr_line(fmt::format("assay {}: {}", verb_, text));
}

Result<int> Console::report(const Json& json, const Lines& lines, const Rows& rows, const Lines& after,
                            int exit_code) const {
  constexpr std::size_t kPiece = std::size_t{1} << 16;
  std::string text;
  const auto put = [&text](std::string_view more) -> Status {
    text += more;
    if (text.size() < kPiece) return {};
    Status written = write_stdout(text);
    text.clear();
    return written;
  };
  if (json_ && rows.name.empty()) {
    ASSAY_TRY(put(dump_json(json) + "\n"));
  } else if (json_) {
    // The object without its closing brace, then the array.
    std::string head = dump_json(json);
    head.resize(head.size() - std::string_view("\n}").size());
    ASSAY_TRY(put(head + fmt::format(",\n  \"{}\": [", rows.name)));
    for (std::size_t k = 0; k < rows.count; ++k)
      ASSAY_TRY(put((k == 0 ? "\n    " : ",\n    ") + dump_json(rows.json(k), -1)));
    ASSAY_TRY(put(rows.count == 0 ? "]\n}\n" : "\n  ]\n}\n"));
  } else {
    for (std::size_t i = 0; i < lines.texts.size(); ++i) {
      std::string line = printable(lines.texts[i]);
      if (lines.outcome && i == 0) {
        const std::string_view outcome = to_string(*lines.outcome);
        line.replace(0, outcome.size(), coloured(outcome, *lines.outcome));
      }
      ASSAY_TRY(put(line + "\n"));
    }
    for (std::size_t k = 0; rows.line && k < rows.count; ++k) ASSAY_TRY(put(printable(rows.line(k)) + "\n"));
    for (const std::string& line : after.texts) ASSAY_TRY(put(printable(line) + "\n"));
  }
  ASSAY_TRY(write_stdout(text));
  return exit_code;
}

Result<int> Console::report(const Json& json, const Lines& lines, int exit_code) const {
  return report(json, lines, Rows{}, {}, exit_code);
}

}  // namespace assay::cli
