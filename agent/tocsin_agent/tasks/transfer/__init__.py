"""Files brought to other servers and from them: FTP, FTPS and SFTP."""
