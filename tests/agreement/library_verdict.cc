// The verdict on files as a C++ program gets it from the library: public headers alone, one rule called for
// each question. The agreement of the doors compares it with the command's and with Python's.
//
// usage: library_verdict --commitment F --proofs F --srs F [--challenge F] [--digest HEX] [--tensor F]
//
// Prints the verdict as JSON and ends with its exit code; 2 and a line on stderr for what could not be used.
#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "assay/claim_schemes.h"
#include "assay/pipeline.h"

namespace {

namespace claim = assay::claim;
using assay::Result;
using Flags = std::map<std::string, std::string>;

Result<assay::Digest> parse_digest(const std::string& text) {
  const Result<assay::Bytes> bytes = assay::from_hex(text, "--digest");
  if (!bytes.ok()) return bytes.error();
  assay::Digest digest{};
  if (bytes->size() != digest.size())
    return assay::Error{assay::ErrorCode::kMalformed, "--digest", "a digest has 32 bytes"};
  std::copy(bytes->begin(), bytes->end(), digest.begin());
  return digest;
}

Result<claim::Verification> judge(Flags& flags) {
  const Result<claim::Proofs> proofs = claim::Proofs::read(flags["--proofs"]);
  if (!proofs.ok()) return proofs.error();
  const Result<claim::Commitment> commitment = claim::Commitment::read(flags["--commitment"]);
  if (!commitment.ok()) return commitment.error();
  const Result<std::unique_ptr<claim::Checker>> checker = flags.contains("--srs")
                                                              ? claim::read_checker(flags["--srs"])
                                                              : claim::checker_of(commitment->header.scheme);
  if (!checker.ok()) return checker.error();
  claim::VerifyOptions options;
  std::optional<claim::Challenge> challenge;
  std::optional<claim::Captured> captured;
  if (flags.contains("--digest")) {
    const Result<assay::Digest> digest = parse_digest(flags["--digest"]);
    if (!digest.ok()) return digest.error();
    options.expected_digest = *digest;
  }
  if (flags.contains("--challenge-digest")) {
    const Result<assay::Digest> digest = parse_digest(flags["--challenge-digest"]);
    if (!digest.ok()) return digest.error();
    options.challenge_digest = *digest;
  }
  if (flags.contains("--at-least")) options.at_least = std::stoull(flags["--at-least"]);
  if (flags.contains("--expect")) {
    const assay::Status read = options.expected.add_text(flags["--expect"], "--expect");
    if (!read.ok()) return read.error();
  }
  if (flags.contains("--challenge")) {
    Result<claim::Challenge> read = claim::Challenge::read(flags["--challenge"]);
    if (!read.ok()) return read.error();
    options.challenge = &challenge.emplace(std::move(read).value());
  }
  if (flags.contains("--tensor")) {
    Result<claim::Captured> read = assay::pipeline::read_captured(commitment->header, flags["--tensor"]);
    if (!read.ok()) return read.error();
    options.captured = &captured.emplace(std::move(read).value());
  }
  return claim::verify(*commitment, *proofs, **checker, options);
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  for (int i = 1; i + 1 < argc; i += 2) flags[argv[i]] = argv[i + 1];
  const Result<claim::Verification> found = judge(flags);
  if (!found.ok()) {
    std::fprintf(stderr, "library_verdict: %s\n", found.error().to_string().c_str());
    return 2;
  }
  std::printf("%s\n", assay::to_json(found->verdict).c_str());
  return assay::exit_code(found->verdict.outcome());
}
