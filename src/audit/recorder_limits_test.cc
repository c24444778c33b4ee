// What a recorder is handed at the ends of what it takes, and beyond.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <thread>

#include "audit/kinds.h"
#include "audit/recorder_fixture_for_test.h"
#include "base/dsse.h"
#include "base/wire.h"

namespace assay::audit {
namespace {

using tensor::expect_error;
using test::kGate;
using test::kResidual;
using test::kRowBytes;
using test::RecorderTest;
using test::rows_of;

/// What a recorder makes of one call: the rows that it counts as gone, and why.
struct Noted {
  std::uint64_t drops = 0;
  std::string problem;
  friend bool operator==(const Noted&, const Noted&) = default;
};
std::ostream& operator<<(std::ostream& out, const Noted& noted) {
  return out << noted.drops << " " << noted.problem;
}

class RecorderLimits : public RecorderTest {
 protected:
  /// Of a span of rows, of which there are two; it lies in the run that is open.
  Noted noted(Span span, std::uint64_t row_bytes = kRowBytes, RowDtype dtype = RowDtype::kBF16,
              std::uint64_t count = 2, const Wire& wire = kResidual) {
    const auto recorder = open();
    span.run += begin(*recorder);
    const Bytes rows = rows_of(3, 0);
    recorder->record(wire, dtype, rows.data() + kRowBytes, count, row_bytes, std::span(&span, 1));
    const RecorderStatistics statistics = recorder->statistics();
    return {statistics.drops, statistics.problem};
  }
};

TEST_F(RecorderLimits, SaysWhatItDidNotTake) {
  const std::string beyond = "a span beyond the rows that were handed over";
  EXPECT_EQ(noted({0, 0, 2, 0}), Noted());
  EXPECT_EQ(noted({0, 0, 3, 0}), (Noted{3, beyond}));
  EXPECT_EQ(noted({0, 2, 1, 0}), (Noted{1, beyond}));
  EXPECT_EQ(noted({0, UINT64_MAX, 2, 0}), (Noted{2, beyond}));
  EXPECT_EQ(noted({0, 1, 1, 0}), Noted());
  EXPECT_EQ(noted({0, 0, 0, UINT64_MAX}), Noted()) << "no row";
  EXPECT_EQ(noted({1, 0, 1, 0}), (Noted{1, "rows of a run that is not there"}));
  const std::string position = "a position beyond the longest run";
  EXPECT_EQ(noted({0, 0, 2, kMaxPositions - 2}), Noted());
  EXPECT_EQ(noted({0, 0, 2, kMaxPositions - 1}), (Noted{2, position}));
  EXPECT_EQ(noted({0, 0, 2, UINT64_MAX}), (Noted{2, position}));
  EXPECT_EQ(noted({0, 0, kMaxPositions + 1, 0}, kRowBytes, RowDtype::kBF16, UINT64_MAX),
            (Noted{kMaxPositions + 1, position}));
  const std::string type = "a row of no such element type";
  EXPECT_EQ(noted({0, 0, 1, 0}, 7), (Noted{1, type}));
  EXPECT_EQ(noted({0, 0, 1, 0}, 0), (Noted{1, type}));
  EXPECT_EQ(noted({0, 0, 1, 0}, kMaxRowBytes + 2), (Noted{1, type}));
  EXPECT_EQ(noted({0, 0, 1, 0}, 8, RowDtype::kDropped), (Noted{1, type}));
}

TEST_F(RecorderLimits, TakesTheLongestRowsAndTheMost) {
  options_.memory_bytes = std::uint64_t{64} << 20;
  const auto recorder = open();
  const std::uint64_t run = begin(*recorder);
  const Bytes row(kMaxRowBytes, 1);
  Span span{run, 0, 1, kMaxPositions - 1};
  recorder->record(kResidual, RowDtype::kBF16, row.data(), 1, row.size(), std::span(&span, 1));
  // Of a gate's rows the last of a span is kept.
  const Bytes rows(2 * kMaxPositions, 1);
  span = {run, 0, kMaxPositions, 0};
  recorder->record(kGate, RowDtype::kBF16, rows.data(), kMaxPositions, 2, std::span(&span, 1));
  EXPECT_EQ(recorder->statistics().problem, "");
  recorder->finish_step(run, 1);
  const RunFolder folder = finish(*recorder, run);
  EXPECT_EQ(folder.head().drops, 0U);
  EXPECT_EQ(folder.steps()[0].last_position, kMaxPositions - 1);
  EXPECT_EQ(folder.steps()[0].rows, (std::vector<std::uint32_t>{1, 1}));
}

TEST_F(RecorderLimits, KeepsAllRowsOfWhatAttentionSees) {
  const auto recorder = open();
  const std::uint64_t run = begin(*recorder);
  for (const Role role : {Role::kResidual, Role::kQ, Role::kK, Role::kV, Role::kQkv, Role::kO})
    record(*recorder, {0, role}, {run, 0, 3, 0}, 0);
  record(*recorder, kGate, {run, 0, 0, 0}, 0);
  recorder->finish_step(run, 1);
  const RunFolder folder = finish(*recorder, run);
  EXPECT_EQ(folder.steps()[0].rows, (std::vector<std::uint32_t>{3, 1, 3, 3, 3, 1})) << "and no gate";
}

TEST_F(RecorderLimits, KeepsThePlaceOfRowsThatDidNotCome) {
  const auto recorder = open();
  const std::uint64_t run = begin(*recorder);
  record(*recorder, kResidual, {run, 0, 2, 0}, 1);
  record(*recorder, kResidual, {run, 0, 1, 3}, 7);
  recorder->finish_step(run, 1);
  const RunFolder folder = finish(*recorder, run);
  EXPECT_EQ(folder.steps()[0].rows, (std::vector<std::uint32_t>{4}));
  EXPECT_EQ(folder.head().drops, 1U);
  EXPECT_TRUE(row(folder, 0, 2).empty());
  EXPECT_EQ(row(folder, 0, 3), rows_of(1, 7));
}

TEST_F(RecorderLimits, TakesOneLineForTheEngine) {
  const auto recorder = open();
  const auto engine = [&](const std::string& text) {
    RunOptions run;
    run.engine = text;
    return recorder->begin_run(run);
  };
  EXPECT_TRUE(engine("two words").ok());
  EXPECT_TRUE(engine(std::string(Head::kMaxEngine, 'x')).ok());
  for (const std::string& text : {std::string(Head::kMaxEngine + 1, 'x'), std::string("\x7f"),
                                  std::string("\x1f"), std::string("\xff"), std::string("a\nb")})
    expect_error(engine(text), ErrorCode::kOutOfRange, "engine: it is not one line of UTF-8");
}

TEST_F(RecorderLimits, FillsItsPartOfTheDiskAndNoMore) {
  options_.disk_bytes = 80;  // two rows of 40 bytes
  const auto recorder = open();
  const std::uint64_t run = begin(*recorder);
  record(*recorder, kResidual, {run, 0, 1, 0}, 0);
  recorder->finish_step(run, 1);
  record(*recorder, kResidual, {run, 0, 1, 1}, 0);
  recorder->finish_step(run, 1);
  record(*recorder, kResidual, {run, 0, 1, 2}, 0);
  recorder->finish_step(run, 1);
  const RunFolder folder = finish(*recorder, run);
  EXPECT_EQ(folder.steps()[1].drops, 0U);
  EXPECT_EQ(folder.steps()[2].drops, 1U);
}

TEST_F(RecorderLimits, NeedsItsMemory) {
  options_.memory_bytes = std::uint64_t{1} << 62;
  expect_error(Recorder::open(options_), ErrorCode::kTooLarge, "memory for rows: the system does not give");
}

// Rows are taken when many of them wait, not at the end of their step alone.
TEST_F(RecorderLimits, WritesRowsBeforeTheirStepEnds) {
  options_.memory_bytes = 1 << 16;
  const auto recorder = open();
  const std::uint64_t run = begin(*recorder);
  const Bytes row(1 << 15, 1);
  const Span span{run, 0, 1, 0};
  recorder->record(kResidual, RowDtype::kBF16, row.data(), 1, row.size(), std::span(&span, 1));
  for (int i = 0; i < 10'000 && recorder->statistics().rows == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(recorder->statistics().rows, 1U);
}

TEST_F(RecorderLimits, KeepsRunsApartThatAreRecordedInTurns) {
  const auto recorder = open();
  const std::array<std::uint64_t, 2> runs = {begin(*recorder), begin(*recorder)};
  for (const std::uint64_t position : {0, 1})
    for (const std::uint64_t run : runs)
      record(*recorder, kResidual, {run, 0, 1, position}, static_cast<std::uint8_t>(10 * run + position));
  for (const std::uint64_t run : runs) recorder->finish_step(run, 1);
  for (const std::uint64_t run : runs) {
    const RunFolder folder = finish(*recorder, run);
    ASSERT_EQ(folder.head().rows, 2U);
    for (const std::uint64_t position : {0, 1})
      EXPECT_EQ(row(folder, 0, position), rows_of(1, static_cast<std::uint8_t>(10 * run + position)));
  }
}

// Of five pieces of nearly a MiB the last goes back to the front of the memory, while the fourth still waits
// in it: where each is handed over before the thread is done with the one before, which it mostly is.
TEST_F(RecorderLimits, WritesRowsThatLieApartInItsMemory) {
  options_.memory_bytes = std::uint64_t{8} << 20;
  constexpr std::uint64_t kRows = (1 << 20) / (RowHeader::kBytes + kRowBytes);
  const auto recorder = open();
  const std::uint64_t run = begin(*recorder);
  const auto hand_over = [&](std::uint8_t piece) {
    record(*recorder, kResidual, {run, 0, kRows, piece * kRows}, piece);
  };
  hand_over(0);
  for (std::uint8_t piece = 1; piece < 4; ++piece) {
    const double before = recorder->statistics().hashing_seconds;
    recorder->finish_step(run, 1);
    hand_over(piece);
    while (recorder->statistics().hashing_seconds == before) std::this_thread::yield();
  }
  hand_over(4);
  recorder->finish_step(run, 1);
  const RunFolder folder = finish(*recorder, run);
  EXPECT_EQ(folder.head().drops, 0U);
  ASSERT_EQ(folder.steps().back().row_count(), 2 * kRows);
  for (const std::uint8_t piece : std::initializer_list<std::uint8_t>{3, 4}) {
    const Bytes given = rows_of(kRows, piece);
    for (std::uint64_t i = 0; i < kRows; ++i) {
      const Bytes found = row(folder, 3, (piece - 3) * kRows + i);
      ASSERT_TRUE(std::ranges::equal(found, std::span(given).subspan(i * kRowBytes, kRowBytes)))
          << int{piece} << " " << i;
    }
  }
}

TEST_F(RecorderLimits, DropsARowOfAnotherSize) {
  const auto recorder = open();
  const std::uint64_t run = begin(*recorder);
  record(*recorder, kResidual, {run, 0, 1, 0}, 1);
  recorder->finish_step(run, 1);
  const Bytes rows = rows_of(1, 0);
  const Span span{run, 0, 1, 1};
  recorder->record(kResidual, RowDtype::kBF16, rows.data(), 1, kRowBytes / 2, std::span(&span, 1));
  recorder->finish_step(run, 1);
  EXPECT_EQ(finish(*recorder, run).steps()[1].drops, 1U);
  EXPECT_THAT(recorder->statistics().problem, testing::HasSubstr("in 4 bytes after others"));
}

TEST_F(RecorderLimits, HasNoStateInAForkedProcess) {
  const auto recorder = open();
  const std::uint64_t run = begin(*recorder);
  const pid_t child = ::fork();
  if (child == 0) {
    // In the parent each of these would be noted.
    const Bytes rows = rows_of(1, 0);
    const Span span{run + 1, 0, 1, 0};
    recorder->record(kResidual, RowDtype::kBF16, rows.data(), 1, kRowBytes, std::span(&span, 1));
    recorder->finish_step(run + 1, 1);
    recorder->drop_run(run);
    const Result<std::uint64_t> begun = recorder->begin_run({});
    const bool refused = !begun.ok() && begun.error().code == ErrorCode::kUnsupported;
    const bool untouched = recorder->statistics().problem.empty() && recorder->folder_of(run).ok();
    ::_exit(refused && untouched ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

/// The bytes of a run's steps: the tag, then each with its size and its offsets.
std::vector<Bytes> parts_of(const RunFolder& folder, const Bytes& file) {
  constexpr std::ptrdiff_t kTag = 20;  // "assay/audit/steps/v1"
  std::vector<Bytes> parts = {{file.begin(), file.begin() + kTag}};
  auto at = file.begin() + kTag;
  for (const Step& step : folder.steps()) {
    const auto size = static_cast<std::ptrdiff_t>(4 + step.encode().size() + 8 * step.row_count());
    parts.emplace_back(at, at + size);
    at += size;
  }
  return parts;
}

TEST_F(RecorderLimits, RefusesARunWhoseFilesDoNotBelongTogether) {
  const auto recorder = open();
  const std::uint64_t run = begin(*recorder);
  for (std::uint64_t position = 0; position < 2; ++position) {
    record(*recorder, kResidual, {run, 0, 1, position}, 1);
    record(*recorder, kGate, {run, 0, 1, position}, 1);
    recorder->finish_step(run, 1);
  }
  const std::filesystem::path path = recorder->folder_of(run).value();
  const RunFolder whole = finish(*recorder, run);
  const std::filesystem::path steps = path / RunFolder::kStepsName;
  const FileKind* const kind = find_kind(steps, file_kinds()).value();
  EXPECT_EQ(kind->read(steps).value().at("steps").dump(), "2");
  std::filesystem::copy_file(steps, directory_ / "alone");
  expect_error(kind->read(directory_ / "alone"), ErrorCode::kIo,
               "alone: the head of its run does not lie beside it: show the run's folder");
  const Bytes file = read_file(steps, 1 << 20).value();
  const std::vector<Bytes> parts = parts_of(whole, file);
  const auto opened_with = [&](const std::vector<Bytes>& some) {
    WireWriter writer;
    for (const Bytes& part : some) writer.raw(part);
    EXPECT_TRUE(write_file(steps, writer.bytes()).ok());
    return RunFolder::open(path);
  };
  EXPECT_TRUE(opened_with(parts).ok());
  expect_error(opened_with({parts[0], parts[2], parts[1]}), ErrorCode::kMalformed,
               "step 1 stands as number 0");
  expect_error(opened_with({parts[0], parts[1]}), ErrorCode::kMismatch, "1 steps, the head has 2");
  Bytes cut = parts[2];
  cut.pop_back();
  expect_error(opened_with({parts[0], parts[1], cut}), ErrorCode::kMalformed,
               "offsets at byte " + std::to_string(file.size() - 16));
  ASSERT_TRUE(write_file(steps, file).ok());
  // Rows of 40 bytes: of the second the header is there and one value less, or a part of the header.
  for (const std::uint64_t size : {79U, 72U, 71U, 60U, 40U, 39U}) {
    std::filesystem::resize_file(path / RunFolder::kRowsName, size);
    const Result<Bytes> row = RunFolder::open(path)->row(0, 1);
    expect_error(row, ErrorCode::kMalformed, "row at byte 40: the file ends before it");
  }
}

TEST_F(RecorderLimits, SaysWhichRowIsNotThere) {
  options_.disk_bytes = 80;
  const auto recorder = open();
  const std::uint64_t run = begin(*recorder);
  record(*recorder, kResidual, {run, 0, 2, 0}, 1);
  record(*recorder, kGate, {run, 0, 1, 1}, 1);
  recorder->finish_step(run, 1);
  const std::uint64_t narrow = begin(*recorder);
  record(*recorder, kResidual, {narrow, 0, 1, 0}, 1);
  recorder->finish_step(narrow, 1);
  const std::filesystem::path other = recorder->folder_of(narrow).value();
  ASSERT_TRUE(recorder->finish_run(narrow, key()).ok());
  const std::filesystem::path path = recorder->folder_of(run).value();
  const Bytes dropped = finish(*recorder, run).row(0, 2).value();
  EXPECT_EQ(RowHeader::read(std::span<const std::uint8_t, 32>(dropped.data(), 32), "row").value(),
            (RowHeader{kGate, RowDtype::kDropped, 1, 0}));
  std::filesystem::copy_file(other / RunFolder::kHeadName, path / RunFolder::kHeadName,
                             std::filesystem::copy_options::overwrite_existing);
  const RunFolder mixed = RunFolder::open(path).value();
  EXPECT_TRUE(mixed.row(0, 1).ok());
  expect_error(mixed.row(0, 2), ErrorCode::kMismatch, "the steps have other wires than the head");
  Challenge asked;
  asked.head = mixed.head().digest();
  asked.steps = {0};
  expect_error(open_run(mixed, asked), ErrorCode::kMismatch, "steps: they have other wires than the head");
}

}  // namespace
}  // namespace assay::audit
