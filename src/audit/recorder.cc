#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <ctime>
#include <deque>
#include <future>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "assay/audit_recorder.h"
#include "audit/row_ring.h"
#include "audit/run_writer.h"
#include "base/check.h"
#include "base/file.h"
#include "base/key_file.h"
#include "base/random.h"
#include "base/sha256.h"
#include "base/try.h"
#include "base/utf8.h"

namespace assay::audit {
namespace {

using Clock = std::chrono::steady_clock;
using internal::RowRing;
using internal::RunWriter;

/// Bytes that are worth waking the thread for. They are still in the processor's cache then, and the ring's
/// first pages serve for all rows.
constexpr std::uint64_t kEnough = std::uint64_t{2} << 20;

/// What waits for the thread, in the order in which it was handed over.
struct Entry {
  enum class Kind : std::uint8_t { kRows, kStep, kFinish, kDrop };

  Kind kind = Kind::kRows;
  bool ready = true;  // false while the rows are being copied
  std::shared_ptr<RunWriter> run;
  RowHeader first;                   // of the first row
  std::uint64_t count = 0;           // of rows
  std::span<std::uint8_t> messages;  // of these; empty where they found no room
  std::uint32_t token = 0;
  Clock::time_point time;
  std::promise<Result<Head>>* head = nullptr;
  const SigningKey* key = nullptr;
};

bool is_kept_of_prompts(Role role) {
  return role == Role::kResidual || role == Role::kK || role == Role::kV || role == Role::kQkv;
}

Error elsewhere() {
  return {ErrorCode::kUnsupported, "recorder", "it belongs to the process that this one was forked off"};
}

/// How often this process is a fork of one that had loaded the library: cheaper to ask than its id, which
/// takes a call of the system.
std::atomic<std::uint64_t>& forks() {
  static std::atomic<std::uint64_t> count{0};
  static const int registered = ::pthread_atfork(nullptr, nullptr, [] { ++count; });
  static_cast<void>(registered);
  return count;
}

double thread_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace

class Recorder::State {
 public:
  State(Options options, LargeArray<std::uint8_t> memory)
      : options_(std::move(options)), ring_(std::move(memory)), forks_(forks()) {
    thread_ = std::thread([this] { work(); });
  }
  ~State() {
    {
      const std::scoped_lock lock(mutex_);
      stop_ = true;
    }
    wake_.notify_one();
    thread_.join();
    for (const auto& [number, run] : runs_) run->discard();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  /// Whether this is a child of the process that opened the recorder: it has no thread that works.
  [[nodiscard]] bool is_elsewhere() const { return forks() != forks_; }

  Result<std::uint64_t> begin_run(const RunOptions& options);
  Result<std::shared_ptr<RunWriter>> find(std::uint64_t run) const;
  void record(const Wire& wire, RowDtype dtype, const std::uint8_t* rows, std::uint64_t count,
              std::uint64_t row_bytes, const Span& span);
  void finish_step(std::uint64_t run, std::uint32_t token);
  void drop_run(std::uint64_t run);
  Result<Head> finish_run(std::uint64_t run, const SigningKey& key);
  void note(std::uint64_t drops, const char* problem) noexcept;
  RecorderStatistics statistics() const;

 private:
  Result<std::shared_ptr<RunWriter>> take(std::uint64_t run);
  void discard(RunWriter& run);
  Entry* push(Entry entry, std::uint64_t bytes);
  void mark_ready(Entry& entry);
  void work();
  void handle(std::vector<Entry>& batch);
  void handle_rows(std::span<const Entry> entries, std::span<const Digest> digests);
  std::size_t together(std::span<const Entry> entries) const;

  const Options options_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  RowRing ring_;
  std::deque<Entry> waiting_;
  std::map<std::uint64_t, std::shared_ptr<RunWriter>> runs_;
  std::uint64_t next_run_ = 1;
  std::uint64_t pushed_ = 0;  // entries, since the start
  std::uint64_t taken_ = 0;   // of these by the thread
  std::uint64_t due_ = 0;     // as many it is to take now
  bool stop_ = false;
  RecorderStatistics statistics_;
  const char* problem_ = nullptr;  // the first of those that allocate nothing
  std::uint64_t disk_used_ = 0;    // of the thread alone
  const std::uint64_t forks_;      // when it was opened
  std::thread thread_;
};

Result<std::uint64_t> Recorder::State::begin_run(const RunOptions& options) {
  const bool one_line = std::ranges::none_of(
      options.engine, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (options.engine.size() > Head::kMaxEngine || !is_valid_utf8(options.engine) || !one_line)
    return Error{ErrorCode::kOutOfRange, "engine",
                 fmt::format("it is not one line of UTF-8 of at most {} bytes", Head::kMaxEngine)};
  Digest id;
  ASSAY_TRY(fill_random(id));
  auto run =
      std::make_shared<RunWriter>(ASSAY_TRY(RunWriter::create(options_.folder / to_hex(id), options, id)));
  const std::scoped_lock lock(mutex_);
  runs_.emplace(next_run_, std::move(run));
  return next_run_++;
}

Result<std::shared_ptr<RunWriter>> Recorder::State::find(std::uint64_t run) const {
  const std::scoped_lock lock(mutex_);
  const auto found = runs_.find(run);
  if (found == runs_.end())
    return Error{ErrorCode::kOutOfRange, fmt::format("run {}", run),
                 "there is no such run, or it is finished"};
  return found->second;
}

// As find(), for the last time.
Result<std::shared_ptr<RunWriter>> Recorder::State::take(std::uint64_t run) {
  std::shared_ptr<RunWriter> found = ASSAY_TRY(find(run));
  const std::scoped_lock lock(mutex_);
  runs_.erase(run);
  return found;
}

void Recorder::State::note(std::uint64_t drops, const char* problem) noexcept {
  const std::scoped_lock lock(mutex_);
  statistics_.drops += drops;
  if (problem_ == nullptr) problem_ = problem;
}

// Gives the entry where rows are to be copied into it. It stays where it is until it is marked ready: what is
// pushed behind it does not move it.
Entry* Recorder::State::push(Entry entry, std::uint64_t bytes) {
  const std::scoped_lock lock(mutex_);
  if (bytes > 0) {
    const std::optional<std::span<std::uint8_t>> piece = ring_.reserve(bytes);
    entry.ready = !piece.has_value();
    if (piece) entry.messages = *piece;
  }
  const bool filled_later = !entry.ready;
  // Hashing many rows side by side is faster, and so is writing them together: the thread sleeps until a step
  // ends, or enough rows wait, and leaves what comes behind that for the next time.
  const bool now = entry.kind != Entry::Kind::kRows || ring_.used() > std::min(kEnough, ring_.capacity() / 4);
  waiting_.push_back(std::move(entry));
  ++pushed_;
  if (now) {
    const bool asleep = due_ == taken_;
    due_ = pushed_;
    if (asleep) wake_.notify_one();
  }
  return filled_later ? &waiting_.back() : nullptr;
}

void Recorder::State::mark_ready(Entry& entry) {
  const std::scoped_lock lock(mutex_);
  entry.ready = true;
  if (due_ > taken_ && &entry == &waiting_.front()) wake_.notify_one();
}

void Recorder::State::record(const Wire& wire, RowDtype dtype, const std::uint8_t* rows, std::uint64_t count,
                             std::uint64_t row_bytes, const Span& span) {
  Span kept = span;
  if (kept.rows == 0) return;
  if (kept.rows > count || kept.first_row > count - kept.rows)
    return note(kept.rows, "a span beyond the rows that were handed over");
  if (kept.rows > kMaxPositions || kept.first_position > kMaxPositions - kept.rows)
    return note(kept.rows, "a position beyond the longest run");
  if (size_of(dtype) == 0 || row_bytes == 0 || row_bytes > kMaxRowBytes || row_bytes % size_of(dtype) != 0)
    return note(kept.rows, "a row of no such element type");
  if (!options_.all_prompt_rows && !is_kept_of_prompts(wire.role)) {
    kept.first_row += kept.rows - 1;
    kept.first_position += kept.rows - 1;
    kept.rows = 1;
  }
  const auto run = find(kept.run);
  if (!run.ok()) return note(kept.rows, "rows of a run that is not there");
  Entry entry;
  entry.run = *run;
  entry.first = {wire, dtype, kept.first_position, static_cast<std::uint32_t>(row_bytes)};
  entry.count = kept.rows;
  const std::uint64_t message = RowHeader::kBytes + row_bytes;
  RowHeader header = entry.first;
  Entry* pushed = push(std::move(entry), kept.rows * message);
  if (pushed == nullptr) return;
  std::uint8_t* out = pushed->messages.data();
  for (std::uint64_t i = 0; i < kept.rows; ++i, ++header.position, out += message) {
    header.write(std::span<std::uint8_t, RowHeader::kBytes>(out, RowHeader::kBytes));
    std::memcpy(out + RowHeader::kBytes, rows + (kept.first_row + i) * row_bytes, row_bytes);
  }
  mark_ready(*pushed);
}

void Recorder::State::finish_step(std::uint64_t run, std::uint32_t token) {
  const auto found = find(run);
  if (!found.ok()) return note(0, "a step of a run that is not there");
  Entry entry;
  entry.kind = Entry::Kind::kStep;
  entry.run = *found;
  entry.token = token;
  entry.time = Clock::now();
  push(std::move(entry), 0);
}

void Recorder::State::drop_run(std::uint64_t run) {
  auto found = take(run);
  if (!found.ok()) return;
  Entry entry;
  entry.kind = Entry::Kind::kDrop;
  entry.run = std::move(*found);
  push(std::move(entry), 0);
}

Result<Head> Recorder::State::finish_run(std::uint64_t run, const SigningKey& key) {
  std::promise<Result<Head>> head;
  std::future<Result<Head>> made = head.get_future();
  Entry entry;
  entry.kind = Entry::Kind::kFinish;
  entry.run = ASSAY_TRY(take(run));
  entry.head = &head;
  entry.key = &key;
  push(std::move(entry), 0);
  return made.get();
}

void Recorder::State::work() {
  // The other processors are the model's.
  const ThreadLimitScope alone(1);
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [&] { return stop_ || (due_ > taken_ && waiting_.front().ready); });
    if (stop_) due_ = pushed_;
    std::vector<Entry> batch;
    while (taken_ < due_ && waiting_.front().ready) {
      batch.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
      ++taken_;
    }
    if (batch.empty()) {
      if (stop_ && taken_ == due_) return;
      continue;
    }
    lock.unlock();
    const double before = thread_seconds();
    handle(batch);
    const double seconds = thread_seconds() - before;
    std::uint64_t taken = 0;
    for (const Entry& entry : batch) taken += entry.messages.size();
    lock.lock();
    ring_.release(taken);
    statistics_.hashing_seconds += seconds;
  }
}

void Recorder::State::handle(std::vector<Entry>& batch) {
  std::vector<ByteSpan> messages;
  for (const Entry& entry : batch) {
    const std::size_t size = RowHeader::kBytes + entry.first.row_bytes;
    const ByteSpan bytes = entry.messages;
    for (std::size_t at = 0; at < bytes.size(); at += size) messages.push_back(bytes.subspan(at, size));
  }
  std::vector<Digest> digests(messages.size());
  constexpr std::array<std::uint8_t, 1> kLeaf = {0};  // as merkle::leaf_hash
  sha256_many(kLeaf, messages, digests);
  std::span<const Digest> rest = digests;
  for (std::span<Entry> entries = batch; !entries.empty();) {
    Entry& entry = entries.front();
    std::size_t done = 1;
    if (entry.kind == Entry::Kind::kRows) {
      done = together(entries);
      std::size_t count = 0;
      for (const Entry& one : entries.first(done)) count += one.messages.empty() ? 0 : one.count;
      handle_rows(entries.first(done), rest.first(count));
      rest = rest.subspan(count);
    } else if (entry.run->is_discarded()) {
      // A step of a run that was dropped meanwhile.
    } else if (entry.kind == Entry::Kind::kStep) {
      const std::uint64_t drops = entry.run->drops();
      const Status finished = entry.run->finish_step(entry.token);
      const std::chrono::duration<double> lag = Clock::now() - entry.time;
      const std::scoped_lock lock(mutex_);
      statistics_.drops += entry.run->drops() - drops;
      statistics_.steps += finished.ok() ? 1 : 0;
      statistics_.longest_lag_seconds = std::max(statistics_.longest_lag_seconds, lag.count());
      if (statistics_.problem.empty())
        statistics_.problem = finished.ok() ? entry.run->problem() : finished.error().to_string();
    } else if (entry.kind == Entry::Kind::kFinish) {
      Result<Head> head = entry.run->finish(*entry.key);
      if (!head.ok()) discard(*entry.run);
      entry.head->set_value(std::move(head));
    } else {
      discard(*entry.run);
    }
    entries = entries.subspan(done);
  }
}

// By the thread alone. What other threads were handing over meanwhile is passed over when it comes.
void Recorder::State::discard(RunWriter& run) {
  run.discard();
  disk_used_ -= run.size();
}

// How many of these entries, one at least, are rows of one run that lie one behind the other and find room on
// the disk: they are written by one call of the system.
std::size_t Recorder::State::together(std::span<const Entry> entries) const {
  const Entry& first = entries.front();
  const std::uint64_t room = options_.disk_bytes - std::min(options_.disk_bytes, disk_used_);
  std::uint64_t bytes = first.messages.size();
  std::size_t count = 1;
  if (first.messages.empty()) return count;
  for (; count < entries.size(); ++count) {
    const Entry& next = entries[count];
    const bool follows = next.kind == Entry::Kind::kRows && next.run == first.run && !next.messages.empty() &&
                         next.messages.data() == first.messages.data() + bytes;
    if (!follows || bytes + next.messages.size() > room) break;
    bytes += next.messages.size();
  }
  return count;
}

void Recorder::State::handle_rows(std::span<const Entry> entries, std::span<const Digest> digests) {
  RunWriter& run = *entries.front().run;
  if (run.is_discarded()) return;
  std::uint64_t bytes = 0;
  for (const Entry& entry : entries) bytes += entry.messages.size();
  const char* problem = entries.front().messages.empty() ? "no room in the memory for rows" : nullptr;
  std::uint64_t offset = RunWriter::kNowhere;
  if (problem == nullptr && bytes > options_.disk_bytes - std::min(options_.disk_bytes, disk_used_))
    problem = "no room on the disk for rows";
  if (problem == nullptr) {
    const Result<std::uint64_t> appended = run.append_rows({entries.front().messages.data(), bytes});
    if (appended.ok()) {
      offset = *appended;
      disk_used_ += bytes;
    } else {
      problem = "rows could not be written to the disk";
    }
  }
  std::uint64_t rows = 0;
  std::uint64_t row_bytes = 0;
  for (const Entry& entry : entries) {
    RowHeader header = entry.first;
    for (std::uint64_t i = 0; i < entry.count; ++i, ++header.position) {
      if (offset == RunWriter::kNowhere) {
        run.add_row(header, {}, offset);
        continue;
      }
      run.add_row(header, digests[rows + i], offset);
      offset += RowHeader::kBytes + header.row_bytes;
    }
    rows += entry.count;
    row_bytes += entry.count * entry.first.row_bytes;
  }
  const std::scoped_lock lock(mutex_);
  if (problem != nullptr) {
    if (problem_ == nullptr) problem_ = problem;
    return;
  }
  statistics_.rows += rows;
  statistics_.bytes += row_bytes;
}

RecorderStatistics Recorder::State::statistics() const {
  const std::scoped_lock lock(mutex_);
  RecorderStatistics all = statistics_;
  all.most_memory = ring_.most();
  if (problem_ != nullptr) all.problem = problem_;
  return all;
}

Recorder::Recorder(std::unique_ptr<State> state) : state_(std::move(state)) {}

Recorder::~Recorder() {
  // Its thread is the parent's: there is nothing to wait for, and nothing that could be taken down.
  if (state_->is_elsewhere()) static_cast<void>(state_.release());
}

Result<std::unique_ptr<Recorder>> Recorder::open(const Options& options) {
  ASSAY_TRY(make_directory(options.folder));
  auto memory = LargeArray<std::uint8_t>::try_make(std::max<std::uint64_t>(options.memory_bytes, 1));
  if (!memory)
    return Error{ErrorCode::kTooLarge, "memory for rows",
                 fmt::format("the system does not give {} bytes", options.memory_bytes)};
  return std::unique_ptr<Recorder>(new Recorder(std::make_unique<State>(options, std::move(*memory))));
}

Result<std::uint64_t> Recorder::begin_run(const RunOptions& options) {
  if (state_->is_elsewhere()) return elsewhere();
  return state_->begin_run(options);
}

// What may throw here is memory that is not there: the rows are then missing when their step ends.
void Recorder::record(const Wire& wire, RowDtype dtype, const std::uint8_t* rows, std::uint64_t count,
                      std::uint64_t row_bytes, std::span<const Span> spans) noexcept {
  if (state_->is_elsewhere()) return;
  try {
    for (const Span& span : spans) state_->record(wire, dtype, rows, count, row_bytes, span);
  } catch (const std::exception&) {
    state_->note(0, "no memory for rows");
  }
}

void Recorder::finish_step(std::uint64_t run, std::uint32_t token) noexcept {
  if (state_->is_elsewhere()) return;
  try {
    state_->finish_step(run, token);
  } catch (const std::exception&) {
    state_->note(0, "no memory for the end of a step");
  }
}

void Recorder::drop_run(std::uint64_t run) noexcept {
  if (state_->is_elsewhere()) return;
  try {
    state_->drop_run(run);
  } catch (const std::exception&) {
    state_->note(0, "no memory to drop a run");
  }
}

Result<Head> Recorder::finish_run(std::uint64_t run, const std::filesystem::path& signing_key) {
  if (state_->is_elsewhere()) return elsewhere();
  const SigningKey key = ASSAY_TRY(read_signing_key(signing_key));
  return state_->finish_run(run, key);
}

Result<std::filesystem::path> Recorder::folder_of(std::uint64_t run) const {
  return ASSAY_TRY(state_->find(run))->folder();
}

RecorderStatistics Recorder::statistics() const { return state_->statistics(); }

}  // namespace assay::audit
