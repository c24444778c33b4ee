// `assay verify --batch`: many commitments and their proofs under one key.
#include <fmt/format.h>

#include <mutex>
#include <optional>

#include "arguments.h"
#include "base/file.h"
#include "base/threads.h"
#include "base/try.h"
#include "base/within.h"
#include "parameters.h"
#include "report.h"
#include "verify_batch.h"

namespace assay::cli {
namespace {

constexpr std::uint64_t kMaxListBytes = std::uint64_t{1} << 26;

struct Line {
  std::string commitment, proofs;
  std::optional<Digest> digest;
};

Result<std::vector<Line>> read_list(const std::string& path) {
  const Bytes bytes = ASSAY_TRY(read_file(path, kMaxListBytes));
  std::string_view rest(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::vector<Line> lines;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view text = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (text.empty() || text[0] == '#') continue;
    std::vector<std::string> fields;
    for (std::size_t from = 0; from <= text.size();) {
      const std::size_t tab = std::min(text.find('\t', from), text.size());
      fields.emplace_back(text.substr(from, tab - from));
      from = tab + 1;
    }
    const std::string place = fmt::format("{}: line {}", path, number);
    if (fields.size() < 2 || fields.size() > 3 || fields[0].empty() || fields[1].empty())
      return Error{ErrorCode::kMalformed, place,
                   "not a commitment file, a tab and a proof file, and if you like a tab and a digest"};
    lines.push_back({fields[0], fields[1], {}});
    if (fields.size() == 3) lines.back().digest = ASSAY_TRY(parse_digest(fields[2], place));
  }
  if (lines.empty()) return Error{ErrorCode::kMalformed, path, "it names no commitment"};
  return lines;
}

struct Files {
  std::vector<std::optional<claim::Commitment>> commitments;  // all are there in the end
  std::vector<claim::Proofs> proofs;
};

/// Reads and decodes on all threads. Errors: that of the first file that is none.
Result<Files> read_files(const std::vector<Line>& lines) {
  Files files{std::vector<std::optional<claim::Commitment>>(lines.size()),
              std::vector<claim::Proofs>(lines.size())};
  std::mutex mutex;
  std::size_t first_bad = lines.size();
  Status failure;
  const auto read = [&](std::size_t i) -> Status {
    files.commitments[i] = ASSAY_TRY(claim::Commitment::read(lines[i].commitment));
    files.proofs[i] = ASSAY_TRY(claim::Proofs::read(lines[i].proofs));
    return {};
  };
  parallel_for(0, lines.size(), 16, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      const Status done = read(i);
      if (done.ok()) continue;
      const std::scoped_lock lock(mutex);
      if (i >= first_bad) continue;
      first_bad = i;
      failure = done;
    }
  });
  ASSAY_TRY(failure);
  return files;
}

}  // namespace

Result<int> verify_batch(const BatchOptions& options, const Console& console) {
  std::unique_ptr<claim::Checker> own;
  if (!options.srs.empty()) own = ASSAY_TRY(claim::read_checker(options.srs));
  const std::vector<Line> lines = ASSAY_TRY(read_list(options.list));
  claim::Expectation expected;
  for (const std::string& text : options.expect) ASSAY_TRY(expected.add_text(text, "--expect"));
  const Stopwatch loading;
  const Files files = ASSAY_TRY(read_files(lines));
  const double load_seconds = loading.seconds();
  // Without parameters all must be of a scheme that needs none.
  if (!own) own = ASSAY_TRY(open_checker(options.srs, files.commitments[0]->header.scheme));
  const claim::Checker& checker = *own;
  const claim::TrustList trusted =
      ASSAY_TRY(read_trust_list(options.srs_digest, checker.setup_digest(), options.srs));
  std::vector<claim::Claim> claims(lines.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    claims[i] = {&*files.commitments[i], &files.proofs[i], {}};
    claims[i].options.trusted = trusted;
    claims[i].options.expected = expected;
    claims[i].options.expected_digest = lines[i].digest;
  }
  const Stopwatch verifying;
  const std::vector<claim::Verification> found = claim::verify_all(claims, checker);
  const double seconds = verifying.seconds();
  const Verdict all = claim::verdict_of_all(found);
  Json json = json_of(all);
  json["srs"] = checker.assumption(trusted);
  const std::optional<Digest> setup = checker.setup_digest();
  json["srs_digest"] = setup ? Json(to_hex(*setup)) : Json(nullptr);
  json["timing"] = {{"load_time_s", load_seconds}, {"verify_time_s", seconds}};
  std::vector<std::size_t> bad;
  for (std::size_t i = 0; i < found.size(); ++i)
    if (!found[i].verdict.ok()) bad.push_back(i);
  // People are shown those that were not accepted; there may be thousands of the others.
  Lines text(all);
  for (const std::size_t i : bad)
    text.texts.push_back(fmt::format("  {}: {} at {}: {}", lines[i].proofs,
                                     to_string(found[i].verdict.outcome()), found[i].verdict.step(),
                                     found[i].verdict.reason()));
  const Rows rows{"claims",
                  found.size(),
                  [&](std::size_t i) {
                    Json row = json_of(found[i].verdict);
                    row["commitment"] = lines[i].commitment;
                    row["proofs"] = lines[i].proofs;
                    row["false_proofs"] = found[i].false_proofs;
                    return row;
                  },
                  {}};
  return console.report(json, text, rows, {}, exit_code(all.outcome()));
}

}  // namespace assay::cli
