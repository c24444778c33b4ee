#include "bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <fstream>
#include <thread>

#include "arguments.h"
#include "assay/field.h"
#include "report.h"

namespace assay::cli {
namespace {

/// The first line of a file of /proc that starts with `key`, without it; empty where there is none.
std::string line_of_file(const char* path, std::string_view key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(key)) continue;
    const std::size_t start = line.find_first_not_of(" \t:", key.size());
    return start == std::string::npos ? "" : line.substr(start);
  }
  return "";
}

/// CPU time of all threads of this process so far.
double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

double median_of(const std::vector<double>& sorted) {
  const std::size_t half = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

std::string seconds_text(double seconds) {
  if (seconds >= 1) return fmt::format("{:.3f} s", seconds);
  if (seconds >= 1e-3) return fmt::format("{:.3f} ms", seconds * 1e3);
  if (seconds >= 1e-6) return fmt::format("{:.2f} us", seconds * 1e6);
  return fmt::format("{:.1f} ns", seconds * 1e9);
}

std::string text_of(const Json& parameters) {
  std::string out;
  for (const auto& [key, value] : parameters.items()) {
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", key,
                       value.is_string() ? value.get<std::string>() : value.dump());
  }
  return out;
}

}  // namespace

Timing measure(const Repeats& repeats, const std::function<void()>& run) {
  const Stopwatch all;
  std::vector<double> times, cpu_times;
  double cpu = cpu_seconds();
  run();
  // What takes long needs no warming up: its first run counts.
  if (all.seconds() > repeats.seconds / 4) {
    times.push_back(all.seconds());
    cpu_times.push_back(cpu_seconds() - cpu);
  }
  while (static_cast<int>(times.size()) < repeats.most &&
         (times.size() < 3 || all.seconds() < repeats.seconds)) {
    const Stopwatch one;
    cpu = cpu_seconds();
    run();
    times.push_back(one.seconds());
    cpu_times.push_back(cpu_seconds() - cpu);
  }
  std::sort(times.begin(), times.end());
  std::sort(cpu_times.begin(), cpu_times.end());
  return {median_of(times), times.front(), times.back(), median_of(cpu_times),
          static_cast<int>(times.size())};
}

std::optional<std::uint64_t> peak_memory_of(const std::function<void()>& run) {
  // "5" forgets the highest size so far (proc(5)).
  std::ofstream("/proc/self/clear_refs") << "5";
  run();
  const std::string text = line_of_file("/proc/self/status", "VmHWM");
  std::uint64_t kilobytes = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), kilobytes);
  if (failure != std::errc{} || end == text.data()) return std::nullopt;
  return kilobytes * 1024;
}

void BenchTable::add(std::string what, const Json& parameters, const Timing& timing, double items) {
  Json json = {{"what", what}};
  json.update(parameters);
  json["seconds"] = timing.median / items;
  json["fastest"] = timing.fastest / items;
  json["slowest"] = timing.slowest / items;
  json["cpu_seconds"] = timing.cpu / items;
  json["repeats"] = timing.repeats;
  std::string line =
      fmt::format("{:32} {:44} {:>12}   ({} to {}, {} runs; CPU {})", what, text_of(parameters),
                  seconds_text(timing.median / items), seconds_text(timing.fastest / items),
                  seconds_text(timing.slowest / items), timing.repeats, seconds_text(timing.cpu / items));
  console_.note(line);
  rows_.push_back({std::move(json), std::move(line)});
}

void BenchTable::add_missing(std::string what, const Json& parameters, std::string reason) {
  std::string line = fmt::format("{:32} {:44} {:>12}   ({})", what, text_of(parameters), "n/a", reason);
  Json json = {{"what", std::move(what)}};
  json.update(parameters);
  json["seconds"] = nullptr;
  json["reason"] = std::move(reason);
  console_.note(line);
  rows_.push_back({std::move(json), std::move(line)});
}

void BenchTable::annotate(std::string key, Json value) {
  rows_.back().line +=
      fmt::format("   {} {}", key, value.is_string() ? value.get<std::string>() : value.dump());
  rows_.back().json[std::move(key)] = std::move(value);
}

Result<int> BenchTable::report() const {
  const std::string processor = line_of_file("/proc/cpuinfo", "model name");
  const unsigned processors = std::thread::hardware_concurrency();
  Json json = {{"processor", processor},
               {"processors", processors},
               {"kernels", available_kernels()},
               {"rows", Json::array()}};
  std::vector<std::string> lines = {fmt::format("{}, {} processors; medians", processor, processors)};
  for (const Row& row : rows_) {
    json["rows"].push_back(row.json);
    lines.push_back(row.line);
  }
  return console_.report(json, lines);
}

Result<std::vector<unsigned>> parse_numbers(std::string_view text, unsigned least, unsigned most,
                                            std::string_view place) {
  std::vector<unsigned> out;
  for (const std::string_view one : split(text)) {
    unsigned value = 0;
    const auto [end, failure] = std::from_chars(one.data(), one.data() + one.size(), value);
    if (failure != std::errc{} || end != one.data() + one.size())
      return Error{ErrorCode::kMalformed, std::string(place), fmt::format("'{}' is not a number", one)};
    if (value < least || value > most)
      return Error{ErrorCode::kOutOfRange, std::string(place),
                   fmt::format("{} is not from {} to {}", value, least, most)};
    out.push_back(value);
  }
  return out;
}

}  // namespace assay::cli
