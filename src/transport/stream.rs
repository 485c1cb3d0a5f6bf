//! The three streams of one execution: script and input go in while output comes out.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::LineSink;

/// A script that prints more than this is broken, or somebody else's program stands in place of the shell.
const MOST_STDOUT: usize = 64 << 20;
/// Standard error is for people; what comes after this much is read and dropped.
const MOST_STDERR: usize = 1 << 20;
const CHUNK: usize = 64 << 10;

/// What came out.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: String,
}

/// Why the streams were given up.
#[derive(Debug)]
pub(super) enum StreamError {
    /// More than 64 MiB on standard output.
    TooMuch,
    /// A pipe on this side failed.
    Io(io::Error),
}

/// Makes a script all or nothing: a shell that gets only a part of it finds an open brace and runs none of it.
pub(super) fn framed(script: &str) -> String {
    format!("{{\n{script}\n}}")
}

/// Writes script and input, closes standard input, and reads both outputs to their ends, all at the same time: neither
/// side can fill a pipe that the other does not empty.
pub(super) async fn converse(
    (stdin, stdout, stderr): (impl AsyncWrite + Unpin, impl AsyncRead + Unpin, impl AsyncRead + Unpin),
    script: &[u8],
    input: &[u8],
    lines: Option<LineSink<'_>>,
) -> Result<Collected, StreamError> {
    let ((), stdout, stderr) =
        tokio::try_join!(feed(stdin, script, input), collect_lines(stdout, lines), collect_text(stderr))?;
    Ok(Collected { stdout, stderr })
}

async fn feed(mut stdin: impl AsyncWrite + Unpin, script: &[u8], input: &[u8]) -> Result<(), StreamError> {
    let written = async {
        stdin.write_all(script).await?;
        stdin.write_all(input).await?;
        stdin.shutdown().await
    };
    match written.await {
        // The script ended without reading everything, or never started: the output and the status tell.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(StreamError::Io),
    }
}

async fn collect_lines(
    mut stdout: impl AsyncRead + Unpin,
    mut lines: Option<LineSink<'_>>,
) -> Result<Vec<u8>, StreamError> {
    let mut all = Vec::new();
    let mut told = 0;
    loop {
        let seen = all.len();
        all.reserve(CHUNK);
        if stdout.read_buf(&mut all).await.map_err(StreamError::Io)? == 0 {
            return Ok(all);
        }
        if all.len() > MOST_STDOUT {
            return Err(StreamError::TooMuch);
        }
        let Some(sink) = lines.as_mut() else { continue };
        let mut from = seen;
        while let Some(length) = all[from..].iter().position(|byte| *byte == b'\n') {
            let end = from + length;
            sink(&all[told..end]);
            told = end + 1;
            from = told;
        }
    }
}

async fn collect_text(mut stderr: impl AsyncRead + Unpin) -> Result<String, StreamError> {
    let mut kept = Vec::new();
    let mut chunk = vec![0; 8 << 10];
    loop {
        let read = stderr.read(&mut chunk).await.map_err(StreamError::Io)?;
        if read == 0 {
            return Ok(String::from_utf8_lossy(&kept).into_owned());
        }
        let room = MOST_STDERR.saturating_sub(kept.len());
        kept.extend_from_slice(&chunk[..read.min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_told_once_complete_and_without_their_newline() {
        let pieces = tokio_test_reader(&[b"one\ntw", b"o\n\nthr", b"ee"]);
        let mut told: Vec<Vec<u8>> = Vec::new();
        let mut sink = |line: &[u8]| told.push(line.to_vec());
        let all = collect_lines(pieces, Some(&mut sink)).await.unwrap();
        assert_eq!(all, b"one\ntwo\n\nthree");
        assert_eq!(told, [b"one".to_vec(), b"two".to_vec(), b"".to_vec()]);
    }

    #[tokio::test]
    async fn endless_output_is_given_up() {
        let endless = tokio::io::repeat(b'x');
        assert!(matches!(collect_lines(endless, None).await, Err(StreamError::TooMuch)));
    }

    #[tokio::test]
    async fn standard_error_is_read_to_its_end_but_kept_in_part() {
        let much = vec![b'e'; MOST_STDERR + 12_345];
        let kept = collect_text(much.as_slice()).await.unwrap();
        assert_eq!(kept.len(), MOST_STDERR);
    }

    /// A reader that gives one piece a read.
    fn tokio_test_reader(pieces: &[&'static [u8]]) -> impl AsyncRead + Unpin + use<> {
        let (mut writer, reader) = tokio::io::duplex(8);
        let pieces = pieces.to_vec();
        tokio::spawn(async move {
            for piece in pieces {
                writer.write_all(piece).await.unwrap();
            }
        });
        reader
    }
}
