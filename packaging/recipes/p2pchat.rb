class P2pchat < Formula
  desc "@SUMMARY@"
  homepage "@HOMEPAGE@"
  url "@RELEASES@/p2pchat-@VERSION@.tgz"
  sha256 "@SHA256@"
  license "MIT"

  depends_on "deno"

  def install
    libexec.install "p2pchat", *Dir["*.js"]
    libexec.install_symlink Formula["deno"].opt_bin/"deno"
    bin.install_symlink libexec/"p2pchat"
    man1.install "share/man/man1/p2pchat.1"
    bash_completion.install "share/bash-completion/completions/p2pchat"
    zsh_completion.install "share/zsh/site-functions/_p2pchat"
    fish_completion.install "share/fish/vendor_completions.d/p2pchat.fish"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/p2pchat --version")
  end
end
