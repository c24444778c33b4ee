#include "assay/audit_recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <deque>
#include <thread>

#include "assay/merkle.h"
#include "audit/recorder_fixture_for_test.h"
#include "audit/row_ring.h"
#include "base/dsse.h"

namespace assay::audit {
namespace {

using internal::RowRing;
using test::kGate;
using test::kResidual;
using test::kRowBytes;
using test::RecorderTest;
using test::rows_of;

TEST(RowRing, HandsOutAndTakesBackInOrder) {
  RowRing ring(LargeArray<std::uint8_t>(100));
  const auto a = ring.reserve(40);
  const auto b = ring.reserve(40);
  ASSERT_TRUE(a && b);
  EXPECT_EQ(b->data(), a->data() + 40);
  EXPECT_FALSE(ring.reserve(21));
  EXPECT_FALSE(ring.reserve(101));
  ring.release(40);
  EXPECT_FALSE(ring.reserve(41)) << "40 at the front, and 20 behind";
  const auto c = ring.reserve(40);
  ASSERT_TRUE(c);
  EXPECT_EQ(c->data(), a->data());
  const auto d = ring.reserve(20);
  ASSERT_TRUE(d);
  EXPECT_EQ(d->data(), a->data() + 80);
  EXPECT_FALSE(ring.reserve(1));
  ring.release(40);
  const auto e = ring.reserve(40);
  ASSERT_TRUE(e);
  EXPECT_EQ(e->data(), a->data() + 40) << "what came back first";
  ring.release(100);
  EXPECT_EQ(ring.used(), 0U);
  EXPECT_EQ(ring.most(), 100U);
  EXPECT_EQ(ring.reserve(100)->data(), a->data());
}

TEST(RowRing, GoesBackToTheFrontBeforeItTouchesMoreMemory) {
  RowRing ring(LargeArray<std::uint8_t>(64 << 20));
  constexpr std::uint64_t kStep = 600 << 10;
  const std::uint8_t* const first = ring.reserve(kStep)->data();
  std::uint64_t furthest = 0;
  for (int i = 0; i < 1000; ++i) {  // two are out at a time
    const auto next = ring.reserve(kStep);
    ASSERT_TRUE(next);
    furthest = std::max<std::uint64_t>(furthest, next->data() + kStep - first);
    ring.release(kStep);
  }
  EXPECT_LE(furthest, RowRing::kNear + kStep);
  ring.release(kStep);
  EXPECT_EQ(ring.used(), 0U);
}

TEST(RowRing, PiecesDoNotOverlapAndFillTheMemory) {
  constexpr std::uint64_t kCapacity = 3 * RowRing::kNear;
  RowRing ring{LargeArray<std::uint8_t>(kCapacity)};
  ChaCha20Stream random(Digest{1});
  std::deque<std::span<std::uint8_t>> out;
  std::uint64_t used = 0;
  std::uint64_t refused = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::uint64_t bytes = 1 + random.below(i % 7 == 0 ? kCapacity / 3 : 20000);
    const auto piece = ring.reserve(bytes);
    if (piece) {
      ASSERT_EQ(piece->size(), bytes);
      for (const std::span<std::uint8_t> other : out)
        ASSERT_TRUE(other.data() + other.size() <= piece->data() || piece->data() + bytes <= other.data());
      out.push_back(*piece);
      used += bytes;
    } else {
      ++refused;
      ASSERT_FALSE(out.empty()) << "it finds room in an empty ring";
    }
    ASSERT_EQ(ring.used(), used);
    while (!out.empty() && (!piece || random.below(2) == 0)) {
      used -= out.front().size();
      ring.release(out.front().size());
      out.pop_front();
      if (!piece) break;
    }
  }
  EXPECT_GT(refused, 0U);
  EXPECT_GT(ring.most(), kCapacity / 2);
}

TEST_F(RecorderTest, KeepsWhatIsAskedOfPromptAndAnswer) {
  const auto recorder = open();
  const std::uint64_t run = begin(*recorder);
  record(*recorder, kResidual, {run, 1, 3, 0}, 0);
  record(*recorder, kGate, {run, 1, 3, 0}, 100);
  recorder->finish_step(run, 11);
  record(*recorder, kGate, {run, 0, 1, 3}, 7);
  record(*recorder, kResidual, {run, 0, 1, 3}, 9);
  recorder->finish_step(run, 12);
  const RunFolder folder = finish(*recorder, run);
  ASSERT_EQ(folder.steps().size(), 2U);
  EXPECT_EQ(folder.steps()[0].rows, (std::vector<std::uint32_t>{3, 1}));
  EXPECT_EQ(folder.steps()[0].token, 11U);
  EXPECT_EQ(folder.steps()[0].last_position, 2U);
  EXPECT_EQ(folder.steps()[1].rows, (std::vector<std::uint32_t>{1, 1}));
  const Bytes given = rows_of(4, 0);
  EXPECT_EQ(row(folder, 0, 1), Bytes(given.begin() + 16, given.begin() + 24)) << "the second of the span";
  const Bytes gate = rows_of(4, 100);
  EXPECT_EQ(row(folder, 0, 3), Bytes(gate.begin() + 24, gate.end())) << "the last of the span";
  EXPECT_EQ(row(folder, 1, 0), rows_of(1, 9)) << "by wire, in whatever order they came";
  EXPECT_EQ(recorder->statistics().rows, 6U);
  EXPECT_EQ(recorder->statistics().bytes, 48U);
  EXPECT_EQ(recorder->statistics().drops, 0U);
  EXPECT_EQ(recorder->statistics().steps, 2U);
  EXPECT_EQ(recorder->statistics().problem, "");
}

TEST_F(RecorderTest, SignsTheRootsOfTheTreesOfTheseRows) {
  options_.all_prompt_rows = true;
  const auto recorder = open();
  const std::uint64_t run = begin(*recorder);
  record(*recorder, kResidual, {run, 0, 2, 0}, 0);
  record(*recorder, kGate, {run, 0, 2, 0}, 100);
  recorder->finish_step(run, 11);
  const RunFolder folder = finish(*recorder, run);
  // The same by hand: header and bytes of each row, hashed one after the other.
  std::vector<Bytes> messages;
  for (const auto& [wire, mark] : {std::pair(kResidual, 0), {kGate, 100}}) {
    for (std::uint64_t position = 0; position < 2; ++position) {
      Bytes message(RowHeader::kBytes);
      RowHeader{wire, RowDtype::kBF16, position, kRowBytes}.write(
          std::span<std::uint8_t, RowHeader::kBytes>(message.data(), RowHeader::kBytes));
      const Bytes rows = rows_of(2, static_cast<std::uint8_t>(mark));
      message.insert(message.end(), rows.begin() + static_cast<std::ptrdiff_t>(position * kRowBytes),
                     rows.begin() + static_cast<std::ptrdiff_t>((position + 1) * kRowBytes));
      messages.push_back(message);
    }
  }
  const std::vector<ByteSpan> leaves(messages.begin(), messages.end());
  const Digest tree = merkle::Tree::from_leaves(2, leaves).value().root();
  EXPECT_EQ(folder.steps()[0].root, merkle::sized_root(2, 4, tree));
  const Bytes value = folder.steps()[0].encode();
  EXPECT_EQ(folder.head().root, merkle::sized_root(2, 1, merkle::leaf_hash(value)));
  EXPECT_EQ(folder.head().rows, 4U);
  EXPECT_EQ(folder.steps()[0].wires, wires_digest(folder.head().wires));
}

TEST_F(RecorderTest, CountsARowWithoutRoomAsADrop) {
  options_.memory_bytes = 100;  // two rows of 40 bytes
  const auto recorder = open();
  const std::uint64_t run = begin(*recorder);
  record(*recorder, kResidual, {run, 0, 3, 0}, 0);
  record(*recorder, kGate, {run, 0, 1, 2}, 0);
  recorder->finish_step(run, 1);
  const RunFolder folder = finish(*recorder, run);
  EXPECT_EQ(folder.head().drops, 3U);
  EXPECT_EQ(folder.steps()[0].drops, 3U);
  EXPECT_EQ(folder.steps()[0].rows, (std::vector<std::uint32_t>{3, 1}));
  const Bytes dropped = folder.row(0, 1).value();
  EXPECT_EQ(RowHeader::read(std::span<const std::uint8_t, 32>(dropped.data(), 32), "row").value(),
            (RowHeader{kResidual, RowDtype::kDropped, 1, 0}));
  EXPECT_EQ(row(folder, 0, 3), rows_of(1, 0));
  EXPECT_EQ(recorder->statistics().drops, 3U);
  EXPECT_THAT(recorder->statistics().problem, testing::HasSubstr("memory"));
}

TEST_F(RecorderTest, CountsARowThatTheDiskDoesNotTake) {
  options_.disk_bytes = 100;
  const auto recorder = open();
  const std::uint64_t run = begin(*recorder);
  record(*recorder, kResidual, {run, 0, 4, 0}, 0);
  record(*recorder, kGate, {run, 0, 1, 3}, 0);
  recorder->finish_step(run, 1);
  const RunFolder folder = finish(*recorder, run);
  EXPECT_EQ(folder.head().drops, 4U);
  EXPECT_THAT(recorder->statistics().problem, testing::HasSubstr("disk"));
}

TEST_F(RecorderTest, FillsWhatIsMissingAndKeepsWhatCameTwiceOnce) {
  const auto recorder = open();
  const std::uint64_t run = begin(*recorder);
  record(*recorder, kResidual, {run, 0, 1, 0}, 1);
  record(*recorder, kResidual, {run, 0, 1, 2}, 2);
  record(*recorder, kGate, {run, 0, 1, 2}, 3);
  record(*recorder, kGate, {run, 0, 1, 2}, 3);
  recorder->finish_step(run, 1);
  record(*recorder, kResidual, {run, 0, 1, 3}, 1);
  record(*recorder, kGate, {run, 0, 1, 3}, 4);
  record(*recorder, kGate, {run, 0, 1, 3}, 5);
  recorder->finish_step(run, 1);
  record(*recorder, kResidual, {run, 0, 1, 4}, 1);
  recorder->finish_step(run, 1);
  const RunFolder folder = finish(*recorder, run);
  EXPECT_EQ(folder.steps()[0].rows, (std::vector<std::uint32_t>{3, 1}));
  EXPECT_EQ(folder.steps()[0].drops, 1U) << "position 1";
  EXPECT_EQ(folder.steps()[1].drops, 1U) << "two rows that differ are neither";
  EXPECT_EQ(folder.steps()[2].drops, 1U) << "a wire without a row";
  EXPECT_THAT(recorder->statistics().problem, testing::HasSubstr("two different rows"));
}

TEST_F(RecorderTest, DropsARowOfAnotherTypeOrAnUnknownWire) {
  const auto recorder = open();
  const std::uint64_t run = begin(*recorder);
  record(*recorder, kResidual, {run, 0, 1, 0}, 1);
  recorder->finish_step(run, 1);
  const Bytes rows = rows_of(1, 0);
  const Span span{run, 0, 1, 1};
  recorder->record(kResidual, RowDtype::kF32, rows.data(), 1, kRowBytes, std::span(&span, 1));
  record(*recorder, kGate, {run, 0, 1, 1}, 1);
  recorder->finish_step(run, 1);
  const RunFolder folder = finish(*recorder, run);
  EXPECT_EQ(folder.head().wires.size(), 1U);
  EXPECT_EQ(folder.steps()[1].drops, 1U);
}

TEST_F(RecorderTest, NeverFailsOnWhatMakesNoSense) {
  const auto recorder = open();
  const std::uint64_t run = begin(*recorder);
  const Bytes rows = rows_of(2, 0);
  for (const Span& span : {Span{run, 0, 3, 0}, Span{run, 2, 1, 0}, Span{run, UINT64_MAX, 2, 0},
                           Span{run, 0, UINT64_MAX, 0}, Span{run, 0, 1, UINT64_MAX}, Span{run + 1, 0, 1, 0}})
    recorder->record(kResidual, RowDtype::kBF16, rows.data(), 2, kRowBytes, std::span(&span, 1));
  const Span span{run, 0, 1, 0};
  recorder->record(kResidual, RowDtype::kBF16, rows.data(), 2, 7, std::span(&span, 1));
  recorder->record(kResidual, RowDtype::kDropped, rows.data(), 2, 8, std::span(&span, 1));
  recorder->record(kResidual, RowDtype::kBF16, rows.data(), 2, UINT64_MAX - 1, std::span(&span, 1));
  recorder->finish_step(run + 1, 0);
  recorder->finish_step(run, 0);  // without rows
  EXPECT_EQ(recorder->finish_run(run, key()).error().code, ErrorCode::kOutOfRange) << "no step";
  EXPECT_EQ(recorder->finish_run(run, key()).error().code, ErrorCode::kOutOfRange) << "no such run any more";
  EXPECT_EQ(recorder->finish_run(begin(*recorder), directory_ / "none").error().code, ErrorCode::kIo);
  RunOptions two_lines;
  two_lines.engine = "a\nb";
  EXPECT_EQ(recorder->begin_run(two_lines).error().code, ErrorCode::kOutOfRange);
}

TEST_F(RecorderTest, IsFedBySeveralThreadsAndHoldsSeveralRuns) {
  constexpr int kRuns = 4;
  constexpr std::uint64_t kSteps = 50;
  options_.memory_bytes = 1 << 18;
  const auto recorder = open();
  std::vector<std::uint64_t> runs;
  for (int i = 0; i < kRuns; ++i) runs.push_back(begin(*recorder));
  const auto mark_of = [](std::uint64_t run, std::uint64_t step) {
    return static_cast<std::uint8_t>(60 * run + step);
  };
  std::vector<std::thread> threads;
  for (const std::uint64_t run : runs) {
    threads.emplace_back([&recorder, &mark_of, run] {
      for (std::uint64_t step = 0; step < kSteps; ++step) {
        record(*recorder, kResidual, {run, 0, 1, step}, mark_of(run, step));
        record(*recorder, kGate, {run, 0, 1, step}, mark_of(run, step));
        recorder->finish_step(run, static_cast<std::uint32_t>(step));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::uint64_t run : runs) {
    const RunFolder folder = finish(*recorder, run);
    EXPECT_EQ(folder.head().steps, kSteps);
    EXPECT_EQ(folder.head().drops, 0U);
    for (std::uint64_t step = 0; step < kSteps; ++step)
      for (const std::uint64_t leaf : {0, 1})
        EXPECT_EQ(row(folder, step, leaf), rows_of(1, mark_of(run, step))) << step;
  }
}

TEST_F(RecorderTest, RowsBehindAFailedWriteLieWhereTheyAreSaidToLie) {
  const auto recorder = open();
  const std::uint64_t run = begin(*recorder);
  const auto finish_step = [&](std::uint32_t token, std::uint64_t steps) {
    recorder->finish_step(run, token);
    while (recorder->statistics().steps < steps) std::this_thread::yield();
  };
  record(*recorder, kResidual, {run, 0, 20, 0}, 1);  // 40 bytes each
  finish_step(11, 1);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit less{1000, before.rlim_max};  // five of the next eight rows
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &less), 0);
  record(*recorder, kResidual, {run, 0, 8, 20}, 2);
  finish_step(12, 2);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  record(*recorder, kResidual, {run, 0, 1, 28}, 3);
  finish_step(13, 3);
  const RunFolder folder = finish(*recorder, run);
  EXPECT_EQ(folder.head().drops, 8U);
  EXPECT_EQ(row(folder, 0, 0), rows_of(1, 1));
  EXPECT_EQ(row(folder, 2, 0), rows_of(1, 3));
  EXPECT_EQ(recorder->statistics().problem, "rows could not be written to the disk");
}

TEST_F(RecorderTest, TakesNothingInAForkedProcess) {
  const auto recorder = open();
  const std::uint64_t run = begin(*recorder);
  record(*recorder, kResidual, {run, 0, 1, 0}, 1);
  const pid_t child = ::fork();
  if (child == 0) {
    record(*recorder, kResidual, {run, 0, 1, 1}, 1);
    recorder->finish_step(run, 1);
    const Result<Head> refused = recorder->finish_run(run, key());
    ::_exit(!refused.ok() && refused.error().code == ErrorCode::kUnsupported ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  recorder->finish_step(run, 1);
  EXPECT_EQ(finish(*recorder, run).head().rows, 1U);
}

TEST_F(RecorderTest, LeavesNothingOfARunThatGetsNoHead) {
  options_.disk_bytes = 2 * (RowHeader::kBytes + kRowBytes);
  auto recorder = open();
  const auto folder_of = [&](std::uint64_t run) { return recorder->folder_of(run).value(); };
  const std::uint64_t dropped = begin(*recorder), empty = begin(*recorder), keyless = begin(*recorder);
  const std::vector<std::filesystem::path> folders{folder_of(dropped), folder_of(empty), folder_of(keyless)};
  record(*recorder, kResidual, {dropped, 0, 2, 0}, 1);
  recorder->finish_step(dropped, 1);
  recorder->drop_run(dropped);
  recorder->drop_run(dropped);
  EXPECT_EQ(recorder->folder_of(dropped).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(recorder->finish_run(empty, key()).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(recorder->finish_run(keyless, directory_ / "none").error().code, ErrorCode::kIo);
  // What it took on the disk is there for others.
  const std::uint64_t kept = begin(*recorder), open_still = begin(*recorder);
  record(*recorder, kResidual, {kept, 0, 2, 0}, 1);
  recorder->finish_step(kept, 1);
  const RunFolder whole = finish(*recorder, kept);
  EXPECT_EQ(whole.head().drops, 0U);
  EXPECT_EQ(recorder->statistics().problem, "");
  EXPECT_FALSE(exists(folders[0]));
  EXPECT_FALSE(exists(folders[1]));
  EXPECT_TRUE(exists(folders[2])) << "with another key it can still be signed";
  const std::filesystem::path left = folder_of(open_still);
  recorder.reset();
  EXPECT_FALSE(exists(left));
  EXPECT_FALSE(exists(folders[2]));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(options_.folder), {}), 1);
}

// Rows that are handed over while their run is dropped take no room on the disk for good.
TEST_F(RecorderTest, ARunIsDroppedWhileItIsRecorded) {
  options_.disk_bytes = 1000 * (RowHeader::kBytes + kRowBytes);
  const auto recorder = open();
  for (int i = 0; i < 200; ++i) {
    const std::uint64_t run = begin(*recorder);
    std::atomic<bool> going = false, dropped = false;
    std::thread other([&] {
      for (std::uint64_t position = 0; !dropped; ++position) {
        record(*recorder, kResidual, {run, 0, 1, position}, 1);
        going = true;
      }
    });
    while (!going) std::this_thread::yield();
    recorder->drop_run(run);
    dropped = true;
    other.join();
  }
  // Of two runs that end, the second does when the memory of what came before the first is free again.
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(recorder->finish_run(begin(*recorder), key()).error().code, ErrorCode::kOutOfRange);
  const std::uint64_t kept = begin(*recorder);
  for (std::uint64_t position = 0; position < 1000; position += 10)
    record(*recorder, kResidual, {kept, 0, 10, position}, 1);
  recorder->finish_step(kept, 1);
  EXPECT_EQ(finish(*recorder, kept).head().drops, 0U);
}

TEST_F(RecorderTest, RefusesAFolderThatIsNoRunOrIsCut) {
  const auto recorder = open();
  const std::uint64_t run = begin(*recorder);
  record(*recorder, kResidual, {run, 0, 2, 0}, 1);
  recorder->finish_step(run, 1);
  const std::filesystem::path path = recorder->folder_of(run).value();
  EXPECT_EQ(RunFolder::open(path).error().code, ErrorCode::kIo) << "without a head";
  ASSERT_TRUE(recorder->finish_run(run, key()).ok());
  const Bytes steps = read_file(path / RunFolder::kStepsName, 1 << 20).value();
  for (std::size_t size = 0; size < steps.size(); ++size) {
    ASSERT_TRUE(write_file(path / RunFolder::kStepsName, ByteSpan(steps).first(size)).ok());
    EXPECT_FALSE(RunFolder::open(path).ok()) << size;
  }
  ASSERT_TRUE(write_file(path / RunFolder::kStepsName, steps).ok());
  std::filesystem::resize_file(path / RunFolder::kRowsName, 79);
  const RunFolder cut = RunFolder::open(path).value();
  EXPECT_TRUE(cut.row(0, 0).ok());
  EXPECT_EQ(cut.row(0, 1).error().code, ErrorCode::kMalformed);
}

}  // namespace
}  // namespace assay::audit
